"""A collection of paintings by invented painters, as records of the schema."""

import io
from dataclasses import dataclass

import numpy as np
from datasets import Dataset

from artextract_hf.data.labels import GENRES, UNKNOWN
from artextract_hf.data.schema import make_dataset, new_record, painting_features
from artextract_hf.data.synthetic.scene import Pose
from artextract_hf.data.synthetic.spec import COMPOSITIONS, PaintingSpec, paint
from artextract_hf.errors import DataError


@dataclass(frozen=True)
class Hand:
    """An invented painter: one way to paint, and the palettes it likes."""

    name: str
    texture: str
    palettes: tuple[str, ...]

    @property
    def artist_name(self) -> str:
        """The name under its pictures, which says that nobody painted them."""
        return f"artextract-hf (procedural, '{self.name}')"


HANDS = (
    Hand("impasto hand", "impasto", ("sunlit", "autumn")),
    Hand("night hand", "impasto", ("nocturne",)),
    Hand("pointillist hand", "dots", ("sunlit", "rose")),
    Hand("glazing hand", "glaze", ("earth",)),
    Hand("pastel hand", "glaze", ("rose",)),
    Hand("scissors hand", "cutout", ("fauve", "woodblock")),
    Hand("faceting hand", "facets", ("earth", "fauve")),
    Hand("ink hand", "ink", ("woodblock",)),
    Hand("pen hand", "pen", ("autumn", "sunlit")),
)


def random_spec(hand: Hand, rng: np.random.Generator) -> PaintingSpec:
    """A painting by this hand."""
    pose = Pose(
        yaw=float(rng.uniform(-60, 60)),
        arms=(float(rng.uniform(5, 130)), float(rng.uniform(5, 60))),
        elbows=(float(rng.uniform(5, 90)), float(rng.uniform(5, 90))),
    )
    return PaintingSpec(
        texture=hand.texture,
        palette=hand.palettes[rng.integers(len(hand.palettes))],
        composition=list(COMPOSITIONS)[rng.integers(len(COMPOSITIONS))],
        seed=int(rng.integers(2**31)),
        pose=pose if rng.random() < 0.5 else pose.mirrored(),
    )


def synthetic_paintings(n: int, seed: int = 0) -> Dataset:
    """`n` paintings as records of the schema in `data/schema.py`, pictures embedded as JPEG.

    Painting i is the same for every `n`. Style and artist are unknown (-1): no painter of the release painted these.

    Raises:
        DataError: where `n` is less than 1.
    """
    if n < 1:
        raise DataError(f"a collection holds at least one painting; got n = {n}.")
    return make_dataset((_painting_record(index, seed) for index in range(n)), painting_features())


def _painting_record(index: int, seed: int) -> dict[str, object]:
    rng = np.random.default_rng([seed, index])
    hand = HANDS[rng.integers(len(HANDS))]
    spec = random_spec(hand, rng)
    encoded = io.BytesIO()
    paint(spec).save(encoded, "JPEG", quality=92)
    genre = COMPOSITIONS[spec.composition].genre
    return new_record(
        id=f"synthetic/{index:05d}",
        image={"path": f"{index:05d}.jpg", "bytes": encoded.getvalue()},
        genre=GENRES.index(genre) if genre else UNKNOWN,
        title=spec.title,
        artist_name=hand.artist_name,
        license="CC0-1.0",
        credit_line=f"{spec.title}. Painted by a program: {hand.artist_name}.",
    )
