"""Planted duplicates of real and procedural paintings are found, and unrelated paintings are not."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from artextract_hf.data.decode import decode_image
from artextract_hf.data.duplicates import SIDE, Pair, grey_thumbnail, near_duplicates
from artextract_hf.data.synthetic import synthetic_paintings
from tests.conftest import shared


def cut(image, left, top, right, bottom):
    """Without these shares of its sides."""
    w, h = image.size
    return image.crop((round(w * left), round(h * top), round(w * (1 - right)), round(h * (1 - bottom))))


def encoded(image, quality=30):
    data = io.BytesIO()
    image.resize((image.width // 2, image.height // 2)).save(data, "JPEG", quality=quality)
    return decode_image(data.getvalue())


def turned(image, degrees):
    return cut(image.rotate(degrees, Image.Resampling.BICUBIC), 0.04, 0.04, 0.04, 0.04)


def tinted(image):
    return Image.fromarray(np.clip(np.asarray(image) * np.array([1.15, 1.0, 0.75]), 0, 255).astype(np.uint8))


def faded(image):
    return Image.fromarray((255 * (np.asarray(image) / 255.0) ** 1.6).astype(np.uint8))


PLANTED = {
    "crop of 5 %": lambda image: cut(image, 0.05, 0.05, 0.05, 0.05),
    "crop at a corner": lambda image: cut(image, 0.0, 0.05, 0.05, 0.0),
    "re-encoded": encoded,
    "turned by 2 degrees": lambda image: turned(image, 2),
    "turned, black corners": lambda image: image.rotate(-3, Image.Resampling.BICUBIC),
    "colour cast": tinted,
    "gamma": faded,
    "little colour": lambda image: ImageEnhance.Color(image).enhance(0.2),
    "all at once": lambda image: encoded(tinted(turned(cut(image, 0.02, 0, 0.03, 0.04), 1.5)), 50),
}


@pytest.fixture(scope="module")
def museum():
    files = sorted((shared("data/museum") / "images").glob("*.jpg"))
    return [decode_image(file, min_side=160) for file in files]


@pytest.mark.parametrize("kind", PLANTED)
def test_planted_duplicates_of_real_paintings_are_found(museum, kind):
    """Recall at least 0.95 for each kind, among 267 paintings of one museum, and not one wrong pair."""
    known = [grey_thumbnail(image) for image in museum]
    planted = [grey_thumbnail(PLANTED[kind](image)) for image in museum]
    n = len(museum)
    pairs = near_duplicates(np.stack(known + planted), sides=np.repeat([0, 1], n))
    right = sum(pair.second - n == pair.first for pair in pairs)
    assert right / n >= 0.95
    assert right == len(pairs)


def test_planted_duplicates_of_procedural_paintings_are_found():
    images = [image.copy() for image in synthetic_paintings(24)["image"]]
    kinds = list(PLANTED.values())
    planted = [grey_thumbnail(kinds[i % len(kinds)](image)) for i, image in enumerate(images)]
    pairs = near_duplicates(np.stack([grey_thumbnail(image) for image in images] + planted))
    assert sum(pair.second - pair.first == 24 for pair in pairs) >= 23


def test_the_order_of_the_pictures_changes_nothing():
    images = synthetic_paintings(12, seed=3)["image"]
    thumbnails = np.stack([grey_thumbnail(image) for image in [*images, *(tinted(image) for image in images)]])
    order = np.random.default_rng(0).permutation(len(thumbnails))
    place = np.argsort(order)
    found = {(pair.first, pair.second) for pair in near_duplicates(thumbnails)}
    shuffled = near_duplicates(thumbnails[order])
    assert {tuple(sorted((order[p.first], order[p.second]))) for p in shuffled} == found
    assert all(p.first < p.second for p in shuffled) and len(place) == 24


def test_flat_pictures_are_no_duplicates_of_each_other():
    flat = np.stack([np.full((SIDE, SIDE), grey, np.uint8) for grey in (10, 11, 200, 200)])
    noise = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE)).astype(np.uint8)
    assert near_duplicates(np.concatenate([flat, noise])) == []
    assert near_duplicates(flat[:1]) == [] and near_duplicates(flat[:0]) == []


def test_sides_leave_out_pairs_of_one_side():
    picture = grey_thumbnail(synthetic_paintings(1)["image"][0])
    same = np.stack([picture, picture, picture])
    assert near_duplicates(same) == [Pair(0, 1, 1.0), Pair(0, 2, 1.0), Pair(1, 2, 1.0)]
    assert near_duplicates(same, sides=np.array(["val", "train", "train"])) == [Pair(0, 1, 1.0), Pair(0, 2, 1.0)]
