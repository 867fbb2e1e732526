"""Stage 3: predictions and embeddings become reports."""
