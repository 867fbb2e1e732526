"""WikiArt as ArtGAN released it: its lists, its splits, and the paintings."""
