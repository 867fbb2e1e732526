"""Accelerate scripts: data and a recipe become a model, its figures and its card."""
