"""Search by face: painted faces that look alike, and heads that are turned alike.

    faces = FaceIndex.build(paintings, AutoEmbedder.from_pretrained("default"), FaceDetector.from_hub())
    faces.search("my_portrait.jpg", by="look")
    faces.search("my_portrait.jpg", by="pose", where="year < 1700")
    faces.search(HeadPose(yaw=-40, pitch=0, roll=0), by="pose")

Every face becomes a record of its own, with the record of its painting and its place in it. So an index of faces is a
`PaintingIndex` of aligned faces: filters, files and checks are the same. The look is the embedding of the aligned face,
by any embedder; none here was trained to tell people apart. This compares painted faces; it names nobody, and is not
meant for photographs of living people.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from datasets import Dataset
from PIL import Image

from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.data.schema import SkipList
from artextract_hf.embedders.protocol import Embedder
from artextract_hf.errors import PaintingIndexError, QueryError
from artextract_hf.retrieval.faces.detection import LONGEST, Face, FaceDetector, aligned_face
from artextract_hf.retrieval.faces.head_pose import HeadPose
from artextract_hf.retrieval.faces.records import ANGLES, BOX, COLUMNS, find_faces
from artextract_hf.retrieval.filters import parse_where
from artextract_hf.retrieval.index import PaintingIndex


@dataclass(frozen=True)
class FaceHit:
    """One face that was found.

    Attributes:
        id: of the painting.
        face: which one of the painting, 1 is the largest.
        score: larger is more: the similarity of the two faces, or minus the degrees between the two heads' poses.
        rank: 1 is the nearest.
        box: left, top, right, bottom, as shares of the painting's width and height.
        certainty: of the detector, 0 to 1.
        pose: how the head is turned.
        record: what is known about the painting.
    """

    id: str
    face: int
    score: float
    rank: int
    box: tuple[float, float, float, float]
    certainty: float
    pose: HeadPose
    record: dict[str, Any]


class FaceIndex:
    """The faces of a collection. Made by `build` or `from_pretrained`.

    Attributes:
        skipped: pictures that could not be decoded.
    """

    def __init__(self, index: PaintingIndex, detector: FaceDetector | None = None) -> None:
        records = index.records()
        if missing := [name for name in COLUMNS if not records or name not in records[0]]:
            raise PaintingIndexError(
                f"this is an index of paintings, not of faces: its records have no {missing[0]!r}."
            )
        self._index, self._detector = index, detector
        self._records, self._table = records, pa.Table.from_pylist(records)
        poses = [HeadPose(*(record[angle] for angle in ANGLES)) for record in records]
        self._rotations = np.stack([pose.rotation().ravel() for pose in poses])
        self.skipped = SkipList()

    @classmethod
    def build(
        cls, dataset: Dataset, embedder: Embedder, detector: FaceDetector | None = None, *, progress: bool = False
    ) -> Self:
        """Find the faces of a collection, and index them.

        Args:
            dataset: records of `data/schema.py`; pictures that cannot be decoded are left out and listed in `.skipped`.
            embedder: what a face's look is compared by.
            detector: by default the one on the Hub.
            progress: show a progress bar on a terminal.

        Raises:
            PaintingIndexError: no face is found in the whole collection.
            ModelError: the detector cannot be fetched.
        """
        detector = detector or FaceDetector.from_hub()
        skipped = SkipList()
        faces = find_faces(dataset, detector, skipped, progress=progress)
        if not len(faces):
            raise PaintingIndexError(f"no face was found in {len(dataset)} paintings, so there is nothing to search.")
        index = cls(PaintingIndex.build(faces, embedder, progress=progress), detector)
        index.skipped = skipped
        return index

    def search(
        self, query: ImageSource | HeadPose, k: int = 5, *, by: str = "look", where: str | None = None
    ) -> list[FaceHit]:
        """The faces most similar to the largest face of a picture.

        Args:
            query: a picture in any form, or, for `pose`, the pose itself.
            k: how many faces; a painting with several may answer several times.
            by: `look` or `pose`.
            where: a filter over painting and face, see `filters.py`: `genre == 'portrait' and yaw > 20`.

        Raises:
            QueryError: no face in the query, another `by`, k below 1, or a filter that cannot be read.
            ImageError: the query is no picture.
        """
        if by not in ("look", "pose"):
            raise QueryError(f"faces are searched by look or pose, not by {by!r}.")
        if k < 1:
            raise QueryError(f"k is {k}; it must be at least 1.")
        if by == "pose":
            return self._nearest_poses(query if isinstance(query, HeadPose) else self.face_of(query)[1].pose, k, where)
        if isinstance(query, HeadPose):
            raise QueryError("a pose has no look; search by='pose'.")
        picture, face = self.face_of(query)
        hits = self._index.search(aligned_face(picture, face.landmarks), k, where)
        return [_hit(hit.record, hit.score, hit.rank) for hit in hits]

    def face_of(self, picture: ImageSource) -> tuple[Image.Image, Face]:
        """A query as it is read: the decoded picture, and its largest face.

        Raises:
            QueryError: no face is found.
            ImageError: it is no picture.
            PaintingIndexError: the detector is not the one that found the faces of the index.
        """
        decoded = decode_image(picture, min_side=LONGEST)
        if not (faces := self.detector.find(decoded)):
            raise QueryError("no face was found in the query; give a picture in which one is seen, not in profile.")
        return decoded, faces[0]

    @property
    def detector(self) -> FaceDetector:
        """The detector of the index, fetched from the Hub when first needed, and checked."""
        if self._detector is None:
            self._detector = FaceDetector.from_hub()
        if self._detector.fingerprint != self._records[0]["detector"]:
            raise PaintingIndexError(
                f"the faces were found by a detector of fingerprint {self._records[0]['detector']}, and the one at "
                f"hand has {self._detector.fingerprint}; build the index again, or load that detector."
            )
        return self._detector

    def _nearest_poses(self, pose: HeadPose, k: int, where: str | None) -> list[FaceHit]:
        rows = np.flatnonzero(parse_where(where, self._table)) if where and where.strip() else np.arange(len(self))
        # The trace of R'S is 1 + 2 cos(angle between the two).
        cosines = (self._rotations[rows] @ pose.rotation().ravel() - 1) / 2
        degrees = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
        nearest = np.argsort(degrees, kind="stable")[:k]
        return [_hit(self._records[rows[i]], -float(degrees[i]), rank) for rank, i in enumerate(nearest, start=1)]

    def __len__(self) -> int:
        return len(self._index)

    def faces(self) -> list[FaceHit]:
        """All faces in the order of the index, each as a hit of score 0 whose rank is its place."""
        return [_hit(record, 0.0, place) for place, record in enumerate(self._records, start=1)]

    def thumbnail(self, hit: FaceHit) -> Image.Image:
        """The aligned face of a hit."""
        return self._index.thumbnail(f"{hit.id}#{hit.face}")

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the faces to a folder of their own, all or nothing, as a `PaintingIndex` is.

        Raises:
            PaintingIndexError: the folder holds something else.
        """
        self._index.save_pretrained(directory)

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        revision: str | None = None,
        *,
        embedder: Embedder | None = None,
        detector: FaceDetector | None = None,
    ) -> Self:
        """Read faces from a folder, or from a dataset repository of the Hub.

        Args:
            name: folder or repository.
            revision: of the repository.
            embedder: of the look; by default loaded by its name when first needed.
            detector: by default the one on the Hub, fetched when first needed.

        Raises:
            PaintingIndexError: missing, damaged, an index of paintings, or another embedder.
        """
        return cls(PaintingIndex.from_pretrained(name, revision, embedder=embedder), detector)


def _hit(record: dict[str, Any], score: float, rank: int) -> FaceHit:
    left, top, right, bottom = (record[side] for side in BOX)
    painting = {field: value for field, value in record.items() if field not in COLUMNS} | {"id": record["painting"]}
    return FaceHit(
        record["painting"],
        record["face"],
        score,
        rank,
        (left, top, right, bottom),
        record["certainty"],
        HeadPose(*(record[angle] for angle in ANGLES)),
        painting,
    )
