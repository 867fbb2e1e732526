"""What only the training of the classifier needs: its configuration, its losses, its teachers."""
