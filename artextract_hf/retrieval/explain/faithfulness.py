"""Is an explanation faithful: does the similarity depend on the places to which it gives much heat?

Deletion and insertion of Petsiuk et al. 2018, "RISE: randomized input sampling for explanation of black-box models",
with the similarity of the two pictures in place of a class's probability. Both go between a picture and its blur, as
insertion does there: holes of a plain colour add edges, and the more they are scattered, the more they disturb a
network, so that a random order would look as good as a faithful one.
"""

from dataclasses import dataclass

import numpy as np

from artextract_hf.embedders.protocol import Embedder
from artextract_hf.retrieval.explain.explanation import Explanation, Side, blur, replace_cells


@dataclass(frozen=True)
class Faithfulness:
    """Areas under the curves of similarity over the share of cells, each the mean over the two pictures.

    A faithful heat has deletion < random < insertion.

    Attributes:
        deletion: cells are blurred, the warmest first.
        insertion: a blurred picture gets its cells back, the warmest first. That is the deletion that begins with the
            coldest, read backwards.
        random: cells are blurred in random order; on average its insertion is the same.
    """

    deletion: float
    insertion: float
    random: float


def faithfulness(
    embedder: Embedder, explanation: Explanation, *, steps: int = 8, draws: int = 3, seed: int = 0
) -> Faithfulness:
    """Delete and insert the cells of one picture while the other stays as it is, and the other way round.

    Args:
        embedder: the one whose similarity was explained.
        explanation: of two pictures.
        steps: into how many parts the cells are divided; the similarity is measured after each part.
        draws: number of random orders.
        seed: of the random orders.
    """
    vectors = embedder.embed([explanation.query.picture, explanation.answer.picture])
    rng = np.random.default_rng(seed)
    areas = []
    for side, vector in ((explanation.query, vectors[1]), (explanation.answer, vectors[0])):
        warmest = np.argsort(-side.heat.ravel(), kind="stable")
        orders = [warmest, warmest[::-1], *(rng.permutation(side.heat.size) for _ in range(draws))]
        areas.append([area_under(embedder, side, vector, order, steps) for order in orders])
    deletion, insertion, *random = np.mean(areas, axis=0).tolist()
    return Faithfulness(deletion, insertion, float(np.mean(random)))


def area_under(embedder: Embedder, side: Side, vector: np.ndarray, order: np.ndarray, steps: int) -> float:
    """Mean similarity to a vector (dim,) while the cells are blurred in this order."""
    counts = np.linspace(0, side.heat.size, steps + 1).round().astype(int)
    whole, cover = np.asarray(side.picture), blur(side.picture)
    cells = [np.isin(np.arange(side.heat.size), order[:count]).reshape(side.heat.shape) for count in counts]
    curve = embedder.embed([replace_cells(whole, cover, covered, side.seen) for covered in cells]) @ vector
    return float(np.trapezoid(curve, counts / side.heat.size))
