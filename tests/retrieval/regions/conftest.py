"""Paintings of which every detail on a grid can be found exactly, by an embedder of plain colours."""

import numpy as np
import pytest
from PIL import Image

from artextract_hf.data.decode import decode_image
from artextract_hf.data.schema import make_dataset, new_record, painting_features
from artextract_hf.data.synthetic import HANDS, PaintingSpec, paint, random_spec
from artextract_hf.retrieval.box import Box
from artextract_hf.retrieval.regions.index import RegionIndex

CELL, SIDE = 16, 224
COUNT = 16


class CellEmbedder:
    """Looks at each 16 x 16 pixels by itself: their colours, two by two. A detail on the grid is found exactly."""

    dim, name = 12, "cells"

    def __init__(self, fingerprint: str = "cells-1") -> None:
        self.fingerprint = fingerprint

    def embed(self, images, batch_size=32):
        raise NotImplementedError  # a search for regions needs only maps

    def maps(self, images, *, side=None, batch_size=8):
        side = side or SIDE
        n = side // CELL
        small = [decode_image(image).resize((2 * n, 2 * n), Image.Resampling.BOX) for image in images]
        pixels = np.stack([np.asarray(picture, dtype=np.float32) / 255 for picture in small])
        cells = pixels.reshape(len(small), n, 2, n, 2, 3).transpose(0, 2, 4, 5, 1, 3)
        return np.ascontiguousarray(cells.reshape(len(small), 12, n, n))


def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    sizes = [(224, 160), (160, 224), (224, 224)]
    return [paint(random_spec(HANDS[i % len(HANDS)], rng), sizes[i % 3]) for i in range(COUNT)]


@pytest.fixture(scope="session")
def gallery() -> list[Image.Image]:
    return pictures()


def collection(gallery):
    records = [
        new_record(id=f"p/{i}", image=picture, year=1800 + i, credit_line=f"Painting {i}")
        for i, picture in enumerate(gallery)
    ]
    return make_dataset(
        [record | {"image": painting_features()["image"].encode_example(record["image"])} for record in records],
        painting_features(),
    )


@pytest.fixture(scope="session")
def index(gallery) -> RegionIndex:
    return RegionIndex.build(collection(gallery), CellEmbedder(), side=SIDE)


def overlap(first: Box, second: Box) -> float:
    """Intersection over union."""
    width = max(0.0, min(first.right, second.right) - max(first.left, second.left))
    height = max(0.0, min(first.bottom, second.bottom) - max(first.top, second.top))
    common = width * height
    return common / (first.width * first.height + second.width * second.height - common)


def pasted(detail: Image.Image, seed: int) -> tuple[Image.Image, Box]:
    """A detail on another painting, and its box."""
    rng = np.random.default_rng(seed)
    canvas = paint(PaintingSpec("dots", "fauve", "still_life", seed=seed), (400, 400))
    left, top = (int(rng.integers(0, 400 - side)) for side in detail.size)
    canvas.paste(detail, (left, top))
    return canvas, Box.from_pixels(left, top, *detail.size, size=canvas.size)
