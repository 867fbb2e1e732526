"""Stage 3: pictures become unit vectors. One protocol; networks of this project, timm and CLIP, and descriptors."""
