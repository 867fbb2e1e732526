"""Exact search on a GPU, where torch has one; the CPU build of FAISS, which is the one that PyPI has, uses none."""

import sys
from functools import cache

import numpy as np


def has_gpu() -> bool:
    """Whether torch has a GPU. A process without torch is not made to import it, which takes seconds."""
    return "torch" in sys.modules and _torch_has_gpu()


@cache
def _torch_has_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


class GpuCopy:
    """Vectors (N, dim) float32 on a device."""

    def __init__(self, vectors: np.ndarray, device: str = "cuda") -> None:
        import torch

        self._vectors = torch.tensor(vectors, device=device)

    def search(self, queries: np.ndarray, k: int, metric: str, *, rows: np.ndarray | None = None) -> np.ndarray:
        """Rows (Q, k) int64 of the k best of all vectors, or of these rows, best first."""
        import torch

        asked = torch.from_numpy(queries).to(self._vectors.device)
        allowed = None if rows is None else torch.from_numpy(rows).to(self._vectors.device)
        searched = self._vectors if allowed is None else self._vectors[allowed]
        scores = -torch.cdist(asked, searched) if metric == "l2" else asked @ searched.T
        found = scores.topk(k).indices
        return (found if allowed is None else allowed[found]).cpu().numpy()
