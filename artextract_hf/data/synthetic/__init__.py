"""Procedural paintings with known truth, for the demo's gallery and for tests that need an answer to check.

    PaintingSpec -> scene (shapes in depth order) -> canvas (flat pixels) -> brush -> PIL image
                      `- truth: horizon, boxes, joints, head yaw

Composition, seed and pose decide what is where; palette and texture decide how it looks. Every random number comes
from the seed. The paintings belong to the public domain (CC0).
"""

from artextract_hf.data.synthetic.brushes import TEXTURES
from artextract_hf.data.synthetic.paintings import HANDS, random_spec, synthetic_paintings
from artextract_hf.data.synthetic.palettes import PALETTES
from artextract_hf.data.synthetic.scene import Pose
from artextract_hf.data.synthetic.spec import COMPOSITIONS, PaintingSpec, paint

__all__ = [
    "COMPOSITIONS",
    "HANDS",
    "PALETTES",
    "TEXTURES",
    "PaintingSpec",
    "Pose",
    "paint",
    "random_spec",
    "synthetic_paintings",
]
