"""Versions of one work in one hit: the same painting photographed, cropped, re-encoded or re-coloured.

The pixels decide, as in `data/duplicates.py`. The embedding cannot: `benchmarks/results/versions.json` has versions of
one work at a cosine of 0.71 and different works at 0.95.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from artextract_hf.data.duplicates import grey_thumbnail, near_duplicates


def same_works(pictures: Sequence[Image.Image]) -> np.ndarray:
    """Which of some hits show the same painting, bool (n, n), symmetric, with itself the same.

    Args:
        pictures: of the hits, 64 pixels or more.
    """
    same = np.eye(len(pictures), dtype=bool)
    if len(pictures) > 1:
        for pair in near_duplicates(np.stack([grey_thumbnail(picture) for picture in pictures])):
            same[pair.first, pair.second] = same[pair.second, pair.first] = True
    return same


def group_versions(same: np.ndarray) -> list[list[int]]:
    """Hits by work, in the order of each work's first hit.

    Args:
        same: bool (n, n), whether two hits show the same painting. A hit joins the first work whose first hit is the
            same; so a chain of versions, each a little unlike the last, does not draw everything into one.
    """
    works: list[list[int]] = []
    for hit in range(len(same)):
        work = next((work for work in works if same[work[0], hit]), None)
        if work is None:
            works.append([hit])
        else:
            work.append(hit)
    return works
