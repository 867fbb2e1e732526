"""What is refused before a training works: values that a recipe cannot have, and a folder of other settings."""
