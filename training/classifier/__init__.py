"""What only the training of the classifier needs: its configuration, paintings, batches, model, losses and teachers."""
