"""Search for a part of a picture."""
