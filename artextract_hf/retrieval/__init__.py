"""Stage 5: embeddings become similar paintings."""
