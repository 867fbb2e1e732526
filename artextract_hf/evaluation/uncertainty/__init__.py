"""How far figures would move, which classes cannot be ruled out, and what a classifier does not know."""
