"""Which way a head is turned, from five landmarks of its face.

A generic head is fitted to the landmarks under scaled orthographic projection (DeMenthon and Davis 1995, "Model-based
object pose in 25 lines of code", their first step): the camera is far away, as a portraitist's viewpoint is for a face.

    landmark = scale * (first two rows of R) * point of the head + shift

Angles are in degrees. Yaw: 0 looks at us, positive at the right edge of the picture. Pitch: positive looks up. Roll:
positive leans clockwise, as we see it. Yaw and roll are measured against the face's own symmetry and are reliable.
Pitch depends on the lengths of nose and chin, which are the same for all faces here, and a detector of landmarks places
them near their mean: of a nod of 20 degrees, YuNet's landmarks show little. See benchmarks/results/faces.json.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from artextract_hf.errors import DataError

LANDMARKS = ("left eye", "right eye", "nose tip", "left corner of the mouth", "right corner of the mouth")  # as we see

# x to the right, y down, z towards us; millimetres, with 63 mm between the pupils (Dodgson 2004). x and y are where
# YuNet sees them: the mean of the most frontal of 131 painted portraits, made symmetric. It puts the corners of the
# mouth 10 mm higher than the template of ArcFace does (Deng et al. 2019, arXiv 1801.07698). The depths are assumed: the
# nose tip stands 25 mm before the pupils, the corners of the mouth 3 mm.
HEAD = np.array([(-31.5, -37.0, 0.0), (31.5, -37.0, 0.0), (0.0, 0.0, 25.0), (-26.1, 26.2, 3.0), (26.1, 26.2, 3.0)])
CENTRED = HEAD - HEAD.mean(axis=0)
ROUNDS = 8  # of Gauss-Newton; three suffice for exact landmarks
STEP = 1e-4  # of central differences, in radians or in the logarithm of the scale


@dataclass(frozen=True)
class HeadPose:
    """How a head is turned, degrees; see the module for the signs."""

    yaw: float
    pitch: float
    roll: float

    @classmethod
    def from_landmarks(cls, landmarks: np.ndarray) -> Self:
        """The pose of the generic head that fits best.

        Args:
            landmarks: (5, 2), x and y in pixels, in the order of LANDMARKS.

        Raises:
            DataError: another shape, or landmarks that all lie in one point.
        """
        return cls(*(float(angle) for angle in np.degrees(fit_angles(landmarks))))

    def rotation(self) -> np.ndarray:
        """(3, 3): turns the generic head into this pose."""
        return rotation_matrix(*np.radians([self.yaw, self.pitch, self.roll]))

    def mirrored(self) -> "HeadPose":
        """The same head in a mirror."""
        return HeadPose(-self.yaw, self.pitch, -self.roll)

    def angle_to(self, other: "HeadPose") -> float:
        """Degrees of the smallest rotation between the two, 0 to 180."""
        cosine = (np.trace(self.rotation().T @ other.rotation()) - 1) / 2
        return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def rotation_matrix(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """(3, 3) from radians: first the pitch, then the yaw, then the roll, about the axes of the picture."""
    (sy, sp, sr), (cy, cp, cr) = np.sin([yaw, pitch, roll]), np.cos([yaw, pitch, roll])
    about_x = np.array([(1, 0, 0), (0, cp, -sp), (0, sp, cp)])
    about_y = np.array([(cy, 0, sy), (0, 1, 0), (-sy, 0, cy)])
    about_z = np.array([(cr, -sr, 0), (sr, cr, 0), (0, 0, 1)])
    return about_z @ about_y @ about_x


def project(yaw: float, pitch: float, roll: float, *, scale: float = 1.0) -> np.ndarray:
    """Landmarks (5, 2) of the generic head turned by these radians, about their mean; `scale` is in pixels a mm."""
    return scale * CENTRED @ rotation_matrix(yaw, pitch, roll)[:2].T


def fit_angles(landmarks: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll (3,) in radians of the best fit in least squares.

    Gauss-Newton on the angles and the logarithm of the scale, started where the affine camera that fits best is a
    rotation: its two rows, made orthogonal.

    Raises:
        DataError: another shape than (5, 2), or landmarks that all lie in one point.
    """
    landmarks = np.asarray(landmarks, dtype=float)
    if landmarks.shape != HEAD.shape[:1] + (2,) or not np.isfinite(landmarks).all():
        raise DataError(f"a pose needs {len(HEAD)} landmarks (x, y); got an array of shape {landmarks.shape}.")
    seen = landmarks - landmarks.mean(axis=0)
    size = float(np.sqrt((seen**2).sum() / (CENTRED[:, :2] ** 2).sum()))
    if size == 0:
        raise DataError("a pose needs landmarks in different places; all lie in one point.")
    seen = seen / size
    state = np.append(_first_guess(seen), 0.0)  # the angles, and the logarithm of the scale
    for _ in range(ROUNDS):
        residual = (seen - _model(state)).ravel()
        changes = [(_model(state + step) - _model(state - step)).ravel() for step in STEP * np.eye(len(state))]
        jacobian = np.stack(changes, axis=1) / (2 * STEP)
        state = state + np.clip(np.linalg.lstsq(jacobian, residual)[0], -0.5, 0.5)
    return (state[:3] + np.pi) % (2 * np.pi) - np.pi


def _model(state: np.ndarray) -> np.ndarray:
    """Landmarks (5, 2) for three angles in radians and the logarithm of the scale."""
    return project(*state[:3], scale=float(np.exp(state[3])))


def _first_guess(seen: np.ndarray) -> np.ndarray:
    """Angles (3,) from the affine camera (2, 3) that maps the head to the landmarks."""
    camera = np.linalg.lstsq(CENTRED, seen)[0].T
    left, _, right = np.linalg.svd(camera, full_matrices=False)
    first, second = left @ right  # the nearest two rows that are orthogonal and of length 1
    third = np.cross(first, second)
    yaw = np.arcsin(np.clip(-third[0], -1, 1))
    return np.array([yaw, np.arctan2(third[1], third[2]), np.arctan2(second[0], first[0])])
