"""Splits, leaks, and the memory that preparing takes."""
