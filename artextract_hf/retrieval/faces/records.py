"""The faces of a collection as records of their own: the aligned face, its painting's fields, and where it is."""

import io
from collections.abc import Iterator
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset, Features, Value
from datasets import Image as ImageFeature
from PIL import Image

from artextract_hf.data.pictures import decoded
from artextract_hf.data.schema import SkipList, make_dataset
from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.embed import indexed_columns
from artextract_hf.retrieval.faces.detection import LONGEST, Face, FaceDetector, align_face

EDGES = ("left", "top", "width", "height")  # of a `Box`
ANGLES = ("yaw", "pitch", "roll")
COLUMNS = {  # what a face's record has beside those of its painting; a filter may use them too
    "painting": Value("string"),  # id of the painting
    "face": Value("int32"),  # 1 is the largest of the painting
    **{edge: Value("float32") for edge in EDGES},  # shares of the painting's width and height
    "certainty": Value("float32"),  # of the detector, 0 to 1
    **{angle: Value("float32") for angle in ANGLES},  # degrees, see `head_pose.py`
    "detector": Value("string"),  # its fingerprint
}


def detect_faces(dataset: Dataset, detector: FaceDetector, skipped: SkipList, *, progress: bool = False) -> Dataset:
    """One record for each face: the aligned face as picture, the fields of its painting, and COLUMNS.

    Args:
        dataset: records of `data/schema.py`.
        detector: what finds the faces.
        skipped: filled with the ids of pictures that cannot be decoded.
        progress: show a progress bar on a terminal.
    """
    dataset = indexed_columns(dataset)
    features = Features({**dataset.features, **COLUMNS, "image": ImageFeature(mode="RGB")})
    return make_dataset(_face_records(dataset, detector, skipped, progress=progress), features)


def refuse_foreign_faces(table: pa.Table) -> None:
    """Refuse records whose COLUMNS are not all there, of their type and finite.

    Raises:
        PaintingIndexError: a column is another.
    """
    for name, value in COLUMNS.items():
        column = table[name]
        is_of_type = {"string": pa.types.is_string, "int32": pa.types.is_integer, "float32": pa.types.is_floating}
        fits = is_of_type[value.dtype](column.type) and not column.null_count
        if not fits or (value.dtype == "float32" and not pc.all(pc.is_finite(column)).as_py()):
            raise PaintingIndexError(f"the records of faces are damaged: their {name!r}.")


def _face_records(
    dataset: Dataset, detector: FaceDetector, skipped: SkipList, *, progress: bool
) -> Iterator[dict[str, Any]]:
    """The records of all faces, painting by painting."""
    detect = partial(_faces_of, detector)
    bar = "finding faces" if progress else ""
    for _, records in decoded(dataset, detect, skipped, min_side=LONGEST, progress=bar):
        yield from records


def _faces_of(detector: FaceDetector, picture: Image.Image, painting: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of one painting's faces, the largest first."""
    return [
        painting | _face_record(picture, face) | _identity(painting["id"], number, detector)
        for number, face in enumerate(detector.detect(picture), start=1)
    ]


def _face_record(picture: Image.Image, face: Face) -> dict[str, Any]:
    """The aligned face, where it is and how it is turned."""
    encoded = io.BytesIO()
    align_face(picture, face.landmarks).save(encoded, "PNG")
    place = dict(zip(EDGES, face.box(picture.size).as_list(), strict=True))
    return {"image": {"path": None, "bytes": encoded.getvalue()}, "certainty": face.score, **place, **vars(face.pose)}


def _identity(painting: str, number: int, detector: FaceDetector) -> dict[str, Any]:
    """Which face it is, and what found it."""
    return {"id": f"{painting}#{number}", "painting": painting, "face": number, "detector": detector.fingerprint}
