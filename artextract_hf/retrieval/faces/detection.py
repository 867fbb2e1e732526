"""Faces in paintings: where they are, and each brought upright into a picture of its own.

YuNet (Wu et al. 2023, "YuNet: a tiny millisecond-level face detector") was trained on photographs, and also finds the
faces of naturalistic paintings; it misses those that are abstract, in profile or smaller than ten pixels. In small
faces it places the landmarks as if the face were upright: of a turn of 20 degrees it reports 4. So the landmarks of
every face are refined: the face is enlarged and turned upright by the turn found so far, and landmarks are found in it
again, once as it is and once mirrored.
"""

import hashlib
import threading
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from PIL import Image

from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.digests import file_digest
from artextract_hf.errors import ModelError, first_line
from artextract_hf.remote import ask_hub
from artextract_hf.retrieval.box import Box
from artextract_hf.retrieval.faces.head_pose import HEAD, HeadPose
from artextract_hf.retrieval.fingerprint import LENGTH

REPOSITORY, FILE = "opencv/face_detection_yunet", "face_detection_yunet_2023mar.onnx"
ENLARGED, LONGEST = 1.5, 640  # small pictures are enlarged, large ones brought to this long side in pixels
CERTAINTY, OVERLAP = 0.6, 0.3  # least score of a face; boxes with more overlap than this are one face
REFINED_FACE, REFINED_SIDE, ROUNDS = 100, 224, 2  # pixels of a face whose landmarks are refined, and around it; times
CROP = 224  # pixels a side of an aligned face
PUPILS = 0.21  # distance of the pupils in an aligned face, as a share of its side: leaves room for hair, hat and collar
MIRRORED = [1, 0, 2, 4, 3]  # which landmark each becomes in a mirror
BLANK = np.zeros((64, 64, 3), dtype=np.uint8)
MIDDLE = (0.5, 0.53)  # where the generic head's nose tip lies in an aligned face


@dataclass(frozen=True, eq=False)
class Face:
    """A face that was found. All positions are in pixels of the picture.

    Attributes:
        edges: left, top, right and bottom; they may lie outside the picture.
        score: how certain the detector is, 0 to 1.
        landmarks: (5, 2), in the order of `head_pose.LANDMARKS`.
    """

    edges: tuple[float, float, float, float]
    score: float
    landmarks: np.ndarray

    @property
    def area(self) -> float:
        """Of the face's rectangle, in square pixels."""
        left, top, right, bottom = self.edges
        return (right - left) * (bottom - top)

    @property
    def pose(self) -> HeadPose:
        """How the head is turned."""
        return HeadPose.from_landmarks(self.landmarks)

    def box(self, size: tuple[int, int]) -> Box:
        """The face's rectangle in shares of the picture, whose width and height in pixels are given."""
        left, top, right, bottom = self.edges
        return Box.from_pixels(left, top, right - left, bottom - top, size)


class FaceDetector:
    """YuNet, from a file of its weights.

    Attributes:
        fingerprint: of the weights and of all constants that faces, aligned faces and poses depend on.
    """

    def __init__(self, path: str | Path) -> None:
        if not Path(path).is_file():
            raise ModelError(f"there is no face detector at {path}; give the path of YuNet's ONNX file.")
        of_faces = (ENLARGED, LONGEST, CERTAINTY, OVERLAP, REFINED_FACE, REFINED_SIDE, ROUNDS)
        of_aligned_faces_and_poses = (CROP, PUPILS, MIDDLE, HEAD.tolist())
        settings = f"{file_digest(Path(path))} {of_faces} {of_aligned_faces_and_poses}"
        self.fingerprint = hashlib.sha256(settings.encode()).hexdigest()[:LENGTH]
        self._network, self._lock = _read_network(path), threading.Lock()

    @classmethod
    def from_hub(cls) -> Self:
        """The detector that OpenCV publishes on the Hub, from there or from the cache.

        Raises:
            ModelError: it is not cached, and the Hub cannot be reached.
        """
        from huggingface_hub import hf_hub_download

        def missing(reason: str) -> ModelError:
            return ModelError(
                f"the face detector {REPOSITORY} could not be fetched from the Hub ({reason}). Without a network, "
                f"download its {FILE} elsewhere and give the path: FaceDetector(path)."
            )

        return cls(ask_hub(partial(hf_hub_download, REPOSITORY, FILE), missing))

    def detect(self, picture: ImageSource) -> list[Face]:
        """The faces of a picture, the largest first; an empty list where there are none.

        Raises:
            ImageError: the picture cannot be decoded.
        """
        pixels = np.asarray(decode_image(picture))[:, :, ::-1]  # YuNet takes BGR
        longest = max(pixels.shape[:2])
        scale = min(ENLARGED * longest, LONGEST) / longest
        resized = cv2.resize(
            pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        )
        # Sizes were rounded, so that each side has a ratio of its own.
        ratio = np.array(pixels.shape[1::-1]) / resized.shape[1::-1]
        faces = [self._refine(pixels, _parse_row(row, ratio)) for row in self._run_network(resized)]
        return sorted(faces, key=lambda face: -face.area)

    def _run_network(self, pixels: np.ndarray) -> np.ndarray:
        """YuNet's rows (n, 15) for BGR pixels."""
        with self._lock:  # the size of the picture is state of the network
            self._network.setInputSize(pixels.shape[1::-1])
            _, rows = self._network.detect(pixels)
        return np.zeros((0, 15)) if rows is None else rows

    def _refine(self, pixels: np.ndarray, face: Face) -> Face:
        """The face with landmarks that were found upright and enlarged; as it was if it is not found again there."""
        left, top, right, bottom = face.edges
        middle = np.array([(left + right) / 2, (top + bottom) / 2])
        for _ in range(ROUNDS):
            turn = np.exp(-1j * np.radians(face.pose.roll)) * REFINED_FACE / face.area**0.5
            linear = np.array([(turn.real, -turn.imag), (turn.imag, turn.real)])
            matrix = np.column_stack([linear, REFINED_SIDE / 2 - linear @ middle])
            upright = _warp(pixels, matrix, REFINED_SIDE)
            plain, mirrored = (self._central_landmarks(np.ascontiguousarray(p)) for p in (upright, upright[:, ::-1]))
            if mirrored is not None:
                mirrored = (mirrored * (-1, 1) + (REFINED_SIDE - 1, 0))[MIRRORED]
            if not (found := [landmarks for landmarks in (plain, mirrored) if landmarks is not None]):
                return face
            landmarks = (np.mean(found, axis=0) - matrix[:, 2]) @ np.linalg.inv(linear).T
            face = replace(face, landmarks=landmarks)
        return face

    def _central_landmarks(self, pixels: np.ndarray) -> np.ndarray | None:
        """Landmarks (5, 2) of the face nearest to the middle; None if there is no face."""
        rows = self._run_network(pixels)
        if not len(rows):
            return None
        away = np.linalg.norm(rows[:, :2] + rows[:, 2:4] / 2 - REFINED_SIDE / 2, axis=1)
        return rows[away.argmin(), 4:14].reshape(5, 2)


def align_face(picture: Image.Image, landmarks: np.ndarray, *, side: int = CROP) -> Image.Image:
    """The face upright and in the middle, at the same size as every other.

    Turned, scaled and moved (a similarity transform) so that the landmarks (5, 2) come as near as possible to those of
    the generic head seen from the front. Outside the picture, its border pixels are repeated.
    """
    template = HEAD[:, :2] / (HEAD[1, 0] - HEAD[0, 0]) * PUPILS * side + np.array(MIDDLE) * side
    return Image.fromarray(_warp(np.asarray(picture), similarity_transform(landmarks, template), side))


def similarity_transform(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(2, 3): the rotation, scale and shift that bring points (n, 2) nearest to others, in least squares.

    With points as complex numbers z and w, w = a z + b, and a is the regression of w on z.
    """
    z, w = (points[:, 0] + 1j * points[:, 1] for points in (np.asarray(source, float), target))
    centred = z - z.mean()
    a = np.vdot(centred, w - w.mean()) / np.vdot(centred, centred).real
    b = w.mean() - a * z.mean()
    return np.array([(a.real, -a.imag, b.real), (a.imag, a.real, b.imag)])


def _warp(pixels: np.ndarray, matrix: np.ndarray, side: int) -> np.ndarray:
    """Pixels (side, side, 3) under a similarity transform (2, 3)."""
    scale = float(np.hypot(*matrix[:, 0]))
    if scale < 0.5:  # linear interpolation would skip pixels
        height, width = pixels.shape[:2]
        pixels = cv2.resize(pixels, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA)
        ratio = np.array([width / pixels.shape[1], height / pixels.shape[0]])
        matrix = np.column_stack([matrix[:, :2] * ratio, matrix[:, 2]])
    return cv2.warpAffine(pixels, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _read_network(path: str | Path) -> cv2.FaceDetectorYN:
    """The network in a file, which has looked at a blank picture: another one has not the inputs and outputs of YuNet.

    Raises:
        ModelError: it is no such network.
    """
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # OpenCV 5 warns of its default target
    try:
        network = cv2.FaceDetectorYN.create(str(path), "", BLANK.shape[1::-1], CERTAINTY, OVERLAP)
        network.detect(BLANK)
        return network
    except cv2.error as error:
        raise ModelError(f"{path} is no face detector that OpenCV reads: {first_line(error)}") from None
    finally:
        cv2.utils.logging.setLogLevel(level)


def _parse_row(row: np.ndarray, ratio: np.ndarray) -> Face:
    """The face in a row of YuNet: left, top, width, height, five landmarks, score."""
    corner, size = row[:2] * ratio, row[2:4] * ratio
    left, top, right, bottom = (float(value) for value in (*corner, *(corner + size)))
    return Face((left, top, right, bottom), float(row[14]), row[4:14].reshape(5, 2) * ratio)
