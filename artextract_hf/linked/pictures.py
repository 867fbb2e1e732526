"""The pictures of works, as the files of an export: upright sRGB JPEGs without metadata.

A picture is decoded and encoded anew: what a stranger put into its file, a place or a name, does not leave with it.
"""

from collections.abc import Callable

from datasets import Dataset
from PIL import Image

from artextract_hf.data.decode import decode_image
from artextract_hf.data.pictures import encoded_pictures, picture_source

Pictures = Callable[[str], Image.Image]  # the picture of the work with this id
QUALITY = 90  # of the JPEGs


def pictures_of(dataset: Dataset) -> Pictures:
    """The pictures of a collection by their ids, at their own size; decoded when asked for."""
    encoded = encoded_pictures(dataset.select_columns("image"))
    row_of = {id_: row for row, id_ in enumerate(dataset["id"])}
    return lambda id_: decode_image(picture_source(encoded[row_of[id_]]["image"]))
