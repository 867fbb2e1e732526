"""An oracle: pictures of one colour, embedded as that colour, so that every answer can be computed by hand."""

from collections.abc import Sequence

import numpy as np
import pytest
from datasets import Dataset

from artextract_hf.data.decode import decode_image
from artextract_hf.data.schema import new_record, painting_features
from tests.conftest import plain_picture


class ColorEmbedder:
    """The mean colour about mid-grey, at length 1."""

    dim, name = 3, "colour"

    def __init__(self, fingerprint: str = "colour-1") -> None:
        self.fingerprint = fingerprint

    def embed(self, images: Sequence, batch_size: int = 32) -> np.ndarray:
        pixels = [np.asarray(decode_image(i), dtype=np.float32).reshape(-1, 3).mean(0) - 127.5 for i in images]
        return np.stack([p / np.linalg.norm(p) for p in pixels]).astype(np.float32)


class WordEmbedder(ColorEmbedder):
    """Reads the names of colours beside, as CLIP reads texts."""

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        colors = {"red": (1, -1, -1), "blue": (-1, -1, 1)}
        return np.array([colors[text] for text in texts], dtype=np.float32) / np.sqrt(3, dtype=np.float32)


def paintings(count: int, *, seed: int = 0, first: int = 0) -> Dataset:
    """Random colours with labels, years (some unknown) and artists."""
    rng = np.random.default_rng(seed)
    records = []
    for i in range(first, first + count):
        color = tuple(int(c) for c in rng.integers(0, 256, size=3))
        records.append(
            new_record(
                id=f"test/{i}",
                image=plain_picture(color, (24, 16), seed=i),
                style=int(rng.integers(-1, 5)),
                title=f"Painting {i}",
                artist_name=["Ada", "Ben", "Cem"][int(rng.integers(3))],
                year=None if rng.random() < 0.2 else int(rng.integers(1500, 1950)),
                license="CC0-1.0",
                credit_line=f"Painting {i}, test",
            )
        )
    return Dataset.from_list(records, features=painting_features())


@pytest.fixture(scope="session")
def collection() -> Dataset:
    return paintings(60)
