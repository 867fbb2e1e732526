"""What only the training of BYOL needs: its configuration and its optimiser."""
