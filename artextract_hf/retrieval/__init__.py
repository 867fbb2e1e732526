"""Stage 4: embeddings become similar paintings."""
