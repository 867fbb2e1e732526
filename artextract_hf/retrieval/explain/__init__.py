"""Why two pictures are similar."""
