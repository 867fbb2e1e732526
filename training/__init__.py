"""Accelerate scripts: data and a recipe become a model, its figures and its card."""

import artextract_hf  # noqa: F401  before torch: what it says to torch's threads is read when torch is loaded
