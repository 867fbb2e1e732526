"""Search by face: painted faces that look alike, and heads that are turned alike.

    faces = FaceIndex.build(paintings, AutoEmbedder.from_pretrained("default"), FaceDetector.from_hub())
    faces.search("my_portrait.jpg", by="look")
    faces.search("my_portrait.jpg", where="year < 1700", by="pose")
    faces.search(HeadPose(yaw=-40, pitch=0, roll=0), by="pose")

Every face becomes a record of its own, with the record of its painting and its place in it. So an index of faces is a
`PaintingIndex` of aligned faces: filters, files and checks are the same. The look is the embedding of the aligned face,
by any embedder; none here was trained to tell people apart. This compares painted faces. It does not say who somebody
is, and is not meant for photographs of living people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from datasets import Dataset
from PIL import Image

from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.data.schema import SkipList
from artextract_hf.embedders.protocol import SHOWN, Embedder, check_protocol
from artextract_hf.errors import ModelError, PaintingIndexError, QueryError
from artextract_hf.retrieval.box import Box
from artextract_hf.retrieval.faces.detection import LONGEST, Face, FaceDetector, align_face
from artextract_hf.retrieval.faces.head_pose import HeadPose
from artextract_hf.retrieval.faces.records import ANGLES, COLUMNS, EDGES, detect_faces, refuse_foreign_faces
from artextract_hf.retrieval.filters import matching_rows
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.publication import Publishable
from artextract_hf.retrieval.records import ids_of
from artextract_hf.retrieval.vectors.scan import check_k

KIND = "faces"
LOOK, POSE = "look", "pose"


@dataclass(frozen=True)
class FaceHit:
    """One face that was found.

    Attributes:
        id: of the face: the id of its painting, `#`, and which face of the painting it is.
        painting: id of the painting.
        face: which face of the painting it is, 1 is the largest.
        score: larger is more similar: the similarity of the two faces, or minus the angle in degrees between the poses
            of the two heads.
        rank: 1 is the nearest.
        box: the place in the painting; it may reach outside.
        certainty: of the detector, 0 to 1.
        pose: how the head is turned.
        record: what is known about the painting.
    """

    id: str
    painting: str
    face: int
    score: float
    rank: int
    box: Box
    certainty: float
    pose: HeadPose
    record: dict[str, Any]

    @classmethod
    def from_record(cls, record: dict[str, Any], score: float, rank: int) -> Self:
        """A hit from the record of a face, which holds that of its painting and `records.COLUMNS`."""
        painting = {field: value for field, value in record.items() if field not in COLUMNS}
        return cls(
            id=record["id"],
            painting=record["painting"],
            face=record["face"],
            score=score,
            rank=rank,
            box=Box(*(record[edge] for edge in EDGES)),
            certainty=record["certainty"],
            pose=_pose_of(record),
            record=painting | {"id": record["painting"]},
        )


class FaceIndex(Publishable):
    """The faces of a collection. Made by `build` or `from_pretrained`.

    Attributes:
        skipped: pictures that could not be decoded.
    """

    def __init__(self, index: PaintingIndex, detector: FaceDetector | None = None) -> None:
        """An index of what is given; `build` and `from_pretrained` are easier to use.

        Args:
            index: of aligned faces, see `records.detect_faces`; it must not change afterwards.
            detector: what found them; fetched from the Hub when a query needs it, if it is not given.

        Raises:
            PaintingIndexError: the index is not one of faces.
        """
        records = index.records()
        if missing := [name for name in COLUMNS if not records or name not in records[0]]:
            raise PaintingIndexError(
                f"this is an index of paintings, not of faces: its records have no {missing[0]!r}."
            )
        self._index, self._detector = index, detector
        self._records, self._table = records, pa.Table.from_pylist(records)
        refuse_foreign_faces(self._table)
        self._row_of = {record["id"]: row for row, record in enumerate(records)}
        self._rotations = np.stack([_pose_of(record).rotation().ravel() for record in records])
        self.skipped = SkipList()

    @classmethod
    def build(
        cls, dataset: Dataset, embedder: Embedder, detector: FaceDetector | None = None, *, progress: bool = False
    ) -> Self:
        """Find the faces of a collection, and index them.

        Args:
            dataset: records of `data/schema.py`; pictures that cannot be decoded are left out and listed in `.skipped`.
            embedder: by whose vectors the look of faces is compared.
            detector: by default the one on the Hub.
            progress: show a progress bar on a terminal.

        Raises:
            PaintingIndexError: no face is found in the whole collection.
            ModelError: no embedder, no detector, or one that cannot be fetched.
        """
        ids_of(dataset)
        check_protocol(embedder)
        if detector is not None and not hasattr(detector, "detect"):
            raise ModelError(f"{str(detector)[:SHOWN]} is no detector of faces; give FaceDetector.from_hub().")
        detector = detector or FaceDetector.from_hub()
        skipped = SkipList()
        faces = detect_faces(dataset, detector, skipped, progress=progress)
        if not len(faces):
            raise PaintingIndexError(f"no face was found in {len(dataset)} paintings, so there is nothing to search.")
        index = cls(PaintingIndex.build(faces, embedder, progress=progress), detector)
        index.skipped = skipped
        return index

    # --- searching --------------------------------------------------------------------------------------------------

    def search(
        self, query: ImageSource | HeadPose, k: int = 5, where: str | None = None, *, by: str = LOOK
    ) -> list[FaceHit]:
        """The faces most similar to the largest face of a picture.

        Args:
            query: a picture in any form, or, for `pose`, the pose itself.
            k: how many faces; a painting with several faces may be found several times.
            where: a filter over painting and face, see `filters.py`: `genre == 'portrait' and yaw > 20`.
            by: `look` or `pose`.

        Raises:
            QueryError: no face in the query, another `by`, k below 1, or a filter that cannot be read.
            ImageError: the query is not a picture.
            PaintingIndexError: embedder or detector are not those that the index was built with.
        """
        return self.search_many([query], k, where, by=by)[0]

    def search_many(
        self, queries: Sequence[ImageSource | HeadPose], k: int = 5, where: str | None = None, *, by: str = LOOK
    ) -> list[list[FaceHit]]:
        """`search` for several queries; the answers come in the order of the queries."""
        _check_options(k, by)
        if by == POSE:
            poses = [q if isinstance(q, HeadPose) else self.largest_face(q)[1].pose for q in queries]
            rows = self._rows(where)
            return [self._nearest_poses(pose.rotation().ravel(), k, rows) for pose in poses]
        crops = []
        for query in queries:
            if isinstance(query, HeadPose):
                raise QueryError("a pose has no look; search by='pose'.")
            picture, face = self.largest_face(query)
            crops.append(align_face(picture, face.landmarks))
        found = self._index.search_many(crops, k, where)
        return [[FaceHit.from_record(hit.record, hit.score, hit.rank) for hit in hits] for hits in found]

    def similar_to(self, id_: str, k: int = 5, where: str | None = None, *, by: str = LOOK) -> list[FaceHit]:
        """The faces most similar to one of the index, without that face itself.

        Args:
            id_: of the face, such as `FaceHit.id`.
            k: how many faces.
            where: as for `search`.
            by: `look` or `pose`.

        Raises:
            QueryError: the index holds no such face; otherwise as `search`.
        """
        _check_options(k, by)
        if by == LOOK:
            hits = self._index.similar_to(id_, k, where)
            return [FaceHit.from_record(hit.record, hit.score, hit.rank) for hit in hits]
        if id_ not in self._row_of:
            raise QueryError(f"the index holds no {id_!r}.")
        row, rows = self._row_of[id_], self._rows(where)
        return self._nearest_poses(self._rotations[row], k, rows[rows != row])

    def largest_face(self, picture: ImageSource) -> tuple[Image.Image, Face]:
        """What a search takes from a query: the decoded picture, and its largest face.

        Raises:
            QueryError: no face is found.
            ImageError: it is not a picture.
            PaintingIndexError: the detector is not the one that found the faces of the index.
        """
        decoded = decode_image(picture, min_side=LONGEST)
        if not (faces := self.detector.detect(decoded)):
            raise QueryError("no face was found in the query; give a picture that shows one, not in profile.")
        return decoded, faces[0]

    def _rows(self, where: str | None) -> np.ndarray:
        """The rows that may answer."""
        rows = matching_rows(where, self._table)
        return np.arange(len(self)) if rows is None else rows

    def _nearest_poses(self, rotation: np.ndarray, k: int, rows: np.ndarray) -> list[FaceHit]:
        """The faces among these rows whose rotations are nearest to one (9,)."""
        cosines = (self._rotations[rows] @ rotation - 1) / 2  # the trace of R'S is 1 + 2 cos(angle between R and S)
        degrees = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
        nearest = np.argsort(degrees, kind="stable")[:k]
        return [
            FaceHit.from_record(self._records[rows[i]], -float(degrees[i]), rank)
            for rank, i in enumerate(nearest, start=1)
        ]

    # --- keeping ----------------------------------------------------------------------------------------------------

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
            name: the folder, or `owner/name` of the repository.
            revision: a branch, a tag or a commit of the repository.
            embedder: of the look; loaded by its name when a query needs it, if it is not given.
            detector: fetched from the Hub when a query needs it, if it is not given.

        Raises:
            PaintingIndexError: missing, damaged, an index of paintings, or another embedder.
        """
        return cls(PaintingIndex.from_pretrained(name, revision, embedder=embedder), detector)

    # --- what it holds ----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._index)

    @property
    def ids(self) -> list[str]:
        """Ids of the faces, in the order of the index."""
        return self._index.ids

    def faces(self) -> list[FaceHit]:
        """All faces in the order of the index, each as a hit of score 0 whose rank is its place."""
        return [FaceHit.from_record(record, 0.0, place) for place, record in enumerate(self._records, start=1)]

    def thumbnail(self, id_: str) -> Image.Image:
        """The aligned face with this id.

        Raises:
            QueryError: the index holds no such face.
        """
        return self._index.thumbnail(id_)

    @property
    def embedder(self) -> Embedder:
        """The embedder of the look, loaded by its name when first needed; errors as of `PaintingIndex.embedder`."""
        return self._index.embedder

    @property
    def detector(self) -> FaceDetector:
        """The detector of the index, fetched from the Hub when first needed.

        Raises:
            ModelError: it cannot be fetched.
            PaintingIndexError: it is not the one that found the faces of the index.
        """
        if self._detector is None:
            self._detector = FaceDetector.from_hub()
        if self._detector.fingerprint != self._records[0]["detector"]:
            raise PaintingIndexError(
                f"the faces were found by a detector of fingerprint {self._records[0]['detector']!r}, and the one at "
                f"hand has {self._detector.fingerprint}; build the index again, or load that detector."
            )
        return self._detector

    def describe(self) -> dict[str, Any]:
        """What the index is, as JSON; `count` is of faces, `paintings` of the paintings in which they were found."""
        paintings = len({record["painting"] for record in self._records})
        about = {"kind": KIND, "paintings": paintings, "detector": self._records[0]["detector"]}
        return about | self._index.describe()


def _check_options(k: int, by: str) -> None:
    if by not in (LOOK, POSE):
        raise QueryError(f"faces are searched by look or pose, not by {by!r}.")
    check_k(k)


def _pose_of(record: dict[str, Any]) -> HeadPose:
    """How the head of a face's record is turned."""
    return HeadPose(*(record[angle] for angle in ANGLES))
