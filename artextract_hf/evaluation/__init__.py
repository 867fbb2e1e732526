"""Stage 4: predictions and embeddings become reports."""
