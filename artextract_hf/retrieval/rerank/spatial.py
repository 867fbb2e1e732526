"""Spatial verification: do the matching patches of two pictures lie in the same arrangement?

    maps --cosines of patches--> mutual nearest pairs --each proposes a shift, at several scales--> the best agreement

In the spirit of ArtMiner's discovery score (Shen, Efros and Aubry 2019, arXiv 1903.02678), with a Hough-like vote over
scale and shift in place of its training and its random samples: patches are few, so that every pair can propose.
"""

import numpy as np

from artextract_hf.errors import QueryError
from artextract_hf.retrieval.vectors.scan import units

SCALES = 2.0 ** np.arange(-1.5, 1.6, 0.5)  # of the query's picture in the candidate's: 0.35 to 2.8
TOLERANCE = 1.0  # cells by which a pair may miss the place that the proposed transform gives it


def spatial_scores(query_map: np.ndarray, candidate_maps: np.ndarray) -> np.ndarray:
    """How well the patches of candidates agree with a query's in looks and in arrangement.

    A pair of mutually nearest patches and a scale propose a shift. The score is the sum of the cosines of all pairs
    that one proposal brings to their place, as a share of the query's patches: 1 where the maps are the same, near 0
    where no two pairs agree. A detail may lie elsewhere, and be larger or smaller, but may not be turned.

    Args:
        query_map: (C, h, w), as `NetworkEmbedder.maps` gives it.
        candidate_maps: (n, C, H, W) of the same C.

    Returns:
        (n,) float32, 0 to 1.

    Raises:
        QueryError: maps of other shapes.
    """
    if np.ndim(query_map) != 3 or np.ndim(candidate_maps) != 4 or len(query_map) != candidate_maps.shape[1]:
        raise QueryError(
            f"spatial verification takes maps (C, h, w) and (n, C, H, W); got {np.shape(query_map)} and "
            f"{np.shape(candidate_maps)}."
        )
    scores = []
    for candidate in candidate_maps:
        here, there = _unit_patches(query_map, candidate)
        scores.append(_agreement(here @ there.T, query_map.shape[2], candidate.shape[2]))
    return np.array(scores, dtype=np.float32)


def _agreement(cosines: np.ndarray, width: int, candidate_width: int) -> float:
    """The score of one candidate: cosines (h * w, H * W) of patches counted row by row."""
    forth, back = cosines.argmax(axis=1), cosines.argmax(axis=0)
    places = np.flatnonzero(back[forth] == np.arange(len(forth)))
    here, there = _positions(places, width), _positions(forth[places], candidate_width)
    moved = SCALES[:, None, None, None] * (here[:, None] - here[None])  # (scales, proposing pair, judged pair, 2)
    missed = np.abs(there[:, None] - there[None] - moved).max(axis=-1)
    strengths = np.maximum(cosines[places, forth[places]], 0)
    return float(((missed <= TOLERANCE) @ strengths).max(initial=0) / len(cosines))


def _positions(places: np.ndarray, width: int) -> np.ndarray:
    """Row and column, (P, 2)."""
    return np.stack(np.divmod(places, width), axis=1).astype(np.float32)


def _unit_patches(*maps: np.ndarray) -> list[np.ndarray]:
    """Maps (C, h, w) as (h * w, C) of length 1, without their mean: most of a deep feature is common to all of them."""
    patches = [feature_map.reshape(len(feature_map), -1).T for feature_map in maps]
    mean = np.concatenate(patches).mean(axis=0)
    return [units(p - mean) for p in patches]
