"""What only the training of BYOL needs: its configuration, its pairs of views and its optimiser."""
