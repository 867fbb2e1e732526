"""Paintings whose classes can be read off their colour, and a model that does so: every figure is known by hand."""

import io
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from datasets import Dataset
from torch import Tensor, nn

from artextract_hf.data.schema import painting_features
from artextract_hf.models import ArtImageProcessor
from tests.conftest import plain_picture

STYLES, ARTISTS = ["Baroque", "Fauvism", "Impressionism"], ["Claude_Monet", "Rembrandt", "Nobody"]
COLORS = {"red": (200, 40, 40), "blue": (40, 40, 200)}


def jpeg(color: str, *, seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    plain_picture(COLORS[color], seed=seed).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.fixture
def paintings() -> Callable[..., Dataset]:
    """`paintings([(bytes or colour, style, artist), ...])`, classes by name, None where unknown."""

    def make(rows: list[tuple[str | bytes | None, str | None, str | None]]) -> Dataset:
        features = painting_features(styles=STYLES, artists=ARTISTS)
        records = []
        for number, (picture, style, artist) in enumerate(rows):
            encoded = jpeg(picture, seed=number) if isinstance(picture, str) else picture
            record = dict.fromkeys(features) | {"id": f"test/{number}", "genre": -1}
            record["image"] = None if encoded is None else {"bytes": encoded, "path": None}
            record["style"] = -1 if style is None else STYLES.index(style)
            record["artist"] = -1 if artist is None else ARTISTS.index(artist)
            records.append(record)
        return Dataset.from_list(records, features=features)

    return make


class ColorModel(nn.Module):
    """Red is Impressionism and Monet, blue is Baroque and Rembrandt; its class order is not the data's."""

    def __init__(self) -> None:
        super().__init__()
        tasks = {"style": ["Impressionism", "Baroque"], "artist": ["Claude_Monet", "Rembrandt"]}
        nothing_fitted = {"temperature": {}, "set_thresholds": {}}
        self.config = SimpleNamespace(tasks=tasks, image_size=32, backbone="mobilenetv3_small_050", **nothing_fitted)
        self.scale = nn.Parameter(torch.tensor(10.0))

    def forward(self, pixels: Tensor) -> SimpleNamespace:
        assert not self.training
        logits = self.scale * pixels.mean(dim=(2, 3))[:, [0, 2]]  # red, blue
        return SimpleNamespace(task_logits={"style": logits, "artist": logits})


@pytest.fixture
def color_model() -> ColorModel:
    return ColorModel()


@pytest.fixture
def processor() -> ArtImageProcessor:
    return ArtImageProcessor(size={"height": 32, "width": 32})
