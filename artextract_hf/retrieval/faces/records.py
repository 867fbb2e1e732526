"""The faces of a collection as records of their own: the aligned face, its painting's fields, and where it is."""

import io
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from datasets import Dataset, Features, Value
from datasets import Image as ImageFeature
from PIL import Image
from tqdm import tqdm

from artextract_hf.data.decode import decode_image
from artextract_hf.data.parallel import ordered_map
from artextract_hf.data.schema import SkipList, Skipped, make_dataset
from artextract_hf.errors import ImageError
from artextract_hf.retrieval.faces.detection import LONGEST, Face, FaceDetector, aligned_face

BOX = ("left", "top", "right", "bottom")
ANGLES = ("yaw", "pitch", "roll")
COLUMNS = {  # what a face's record has beside those of its painting, whose id is `painting`; a filter may use them too
    "painting": Value("string"),
    "face": Value("int32"),  # 1 is the largest of the painting
    **{side: Value("float32") for side in BOX},  # shares of the painting's width and height
    "certainty": Value("float32"),  # of the detector, 0 to 1
    **{angle: Value("float32") for angle in ANGLES},  # degrees, see `head_pose.py`
    "detector": Value("string"),  # its fingerprint
}


def find_faces(dataset: Dataset, detector: FaceDetector, skipped: SkipList, *, progress: bool = False) -> Dataset:
    """One record a face: the aligned face as picture, the fields of its painting, and COLUMNS.

    Args:
        dataset: records of `data/schema.py`.
        detector: what finds them.
        skipped: filled with the ids of pictures that cannot be decoded.
        progress: show a progress bar on a terminal.
    """
    features = Features({**dataset.features, **COLUMNS, "image": ImageFeature(mode="RGB")})
    return make_dataset(_face_records(dataset, detector, skipped, progress=progress), features)


def _face_records(
    dataset: Dataset, detector: FaceDetector, skipped: SkipList, *, progress: bool
) -> Iterator[dict[str, Any]]:
    records = dataset.cast_column("image", ImageFeature(decode=False))
    disable = None if progress else True
    with tqdm(total=len(dataset), desc="finding faces", unit="picture", disable=disable) as bar:
        for found in ordered_map(partial(_faces_of, detector), records):
            bar.update()
            if isinstance(found, Skipped):
                skipped.items.append(found)
            else:
                yield from found


def _faces_of(detector: FaceDetector, record: dict[str, Any]) -> list[dict[str, Any]] | Skipped:
    """The records of a painting's faces, or why its picture cannot be read."""
    source = record["image"]
    try:
        picture = decode_image(source["bytes"] or source["path"], min_side=LONGEST)
    except ImageError as error:
        return Skipped(record["id"], str(error))
    faces = detector.find(picture)
    return [_face_record(record, picture, face, number, detector) for number, face in enumerate(faces, start=1)]


def _face_record(
    record: dict[str, Any], picture: Image.Image, face: Face, number: int, detector: FaceDetector
) -> dict[str, Any]:
    encoded = io.BytesIO()
    aligned_face(picture, face.landmarks).save(encoded, "PNG")
    place = np.array(face.box) / (picture.size * 2)
    about = {"painting": record["id"], "face": number, "certainty": face.score, "detector": detector.fingerprint}
    about |= dict(zip(BOX, place.tolist(), strict=True)) | vars(face.pose)
    return record | about | {"id": f"{record['id']}#{number}", "image": {"path": None, "bytes": encoded.getvalue()}}
