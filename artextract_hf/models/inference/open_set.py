"""What a classifier does not know: whether a picture is a painting at all, and whether a class of a task fits it.

distance of the picture, and those of paintings that were not learnt from --> share of these that are as far out
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from artextract_hf.models.configuration_crnn import PAINTING

RARE = 0.05  # a share of paintings below which a picture is doubted to be one of them


def share_beyond(distance: float, usual: Sequence[float]) -> float:
    """The share of paintings that are at least as far out as a picture.

    Args:
        distance: of the picture.
        usual: quantiles of the distances of paintings, ascending, from 0 to 100 % in even steps.

    >>> share_beyond(1.5, [1.0, 2.0, 4.0]), share_beyond(9.0, [1.0, 2.0, 4.0])
    (0.75, 0.0)
    """
    return float(1 - np.interp(distance, usual, np.linspace(0, 1, len(usual))))


def doubts(distances: Mapping[str, float], usual: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """`painting` and `unknown` of an answer, see `ArtAttributesPipeline`.

    Args:
        distances: of a picture, by PAINTING or a task.
        usual: quantiles by the same names.
    """
    shares = {name: share_beyond(distance, usual[name]) for name, distance in distances.items()}
    painting = {PAINTING: shares.pop(PAINTING)} if PAINTING in shares else {}
    return painting | ({"unknown": {task: 1 - share for task, share in shares.items()}} if shares else {})


def looks_like_a_painting(answer: Mapping[str, Any]) -> bool:
    """Whether an answer of `ArtAttributesPipeline` is not in doubt that the picture is a painting.

    >>> looks_like_a_painting({"painting": 0.01}), looks_like_a_painting({})  # the second model cannot tell
    (False, True)
    """
    return bool(answer.get(PAINTING, 1) >= RARE)


def doubts_in_words(answer: Mapping[str, Any]) -> str:
    """What an answer of `ArtAttributesPipeline` should not be believed for, in a sentence; "" where there is nothing.

    >>> doubts_in_words({"unknown": {"artist": 0.99}})
    'The artist may be none of those that this model knows.'
    """
    if not looks_like_a_painting(answer):
        return "This does not look like a painting."
    unknown = [task for task, share in answer.get("unknown", {}).items() if share > 1 - RARE]
    return " ".join(f"The {task} may be none of those that this model knows." for task in unknown)
