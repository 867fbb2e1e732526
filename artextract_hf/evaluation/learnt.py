"""Which pictures a model has learnt from, kept beside its weights, so that an evaluation on them says so.

learnt.safetensors    `pictures`, int64 (N,), ascending: of each encoded picture the first 8 bytes of its SHA-256

Two files of one work that differ in a byte are two pictures.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from artextract_hf.data.pictures import encoded_bytes, encoded_pictures
from artextract_hf.errors import ModelError
from artextract_hf.outputs import write_whole

LEARNT = "learnt.safetensors"
PICTURES = "pictures"


def keep_learnt(folder: Path, paintings: Iterable[Dataset], before: Iterable[str | Path] = ()) -> None:
    """Write which pictures the model in a folder has learnt from, where anything is known of it.

    Args:
        folder: of the model.
        paintings: what it learnt from, in parts.
        before: folders of the models that it was made of, or that its training began from.
    """
    known = [picture_keys(part) for part in paintings]
    known += [keys for keys in map(learnt_pictures, before) if keys is not None]
    if known:
        write_whole(folder / LEARNT, save({PICTURES: np.unique(np.concatenate(known))}))


def learnt_pictures(folder: str | Path) -> np.ndarray | None:
    """The keys of the pictures that the model in a folder has learnt from, or None where it does not say.

    Raises:
        ModelError: the file that says it is damaged.
    """
    file = Path(folder) / LEARNT
    if not file.is_file():
        return None
    try:
        keys = load_file(file)[PICTURES]
    except (SafetensorError, KeyError, ValueError, OSError):
        raise ModelError(f"{file} is damaged; delete it, and evaluations no longer tell what was learnt.") from None
    if keys.dtype != np.int64 or keys.ndim != 1:
        raise ModelError(f"{file} holds no keys of pictures.")
    return keys


def count_learnt(model: Any, paintings: Dataset) -> dict[str, int] | None:
    """How many of these paintings a model has `learnt`, `of` how many; None where its folder does not say.

    Args:
        model: as `from_pretrained` loaded it.
        paintings: records with pictures.
    """
    folder = getattr(model, "name_or_path", "")
    keys = learnt_pictures(folder) if folder else None
    return None if keys is None else {"learnt": int(np.isin(picture_keys(paintings), keys).sum()), "of": len(paintings)}


def learnt_warning(counts: Mapping[str, int] | None) -> str:
    """What a reader of the figures must know first; empty where nothing was learnt, or nothing is known."""
    if not counts or not counts["learnt"]:
        return ""
    return f"{counts['learnt']} of these {counts['of']} paintings are what the model learnt from: the figures flatter."


def picture_keys(paintings: Dataset) -> np.ndarray:
    """int64 (N,): what tells each encoded picture from others."""
    pictures = encoded_pictures(paintings.select_columns("image"))
    digests = (hashlib.sha256(encoded_bytes(record["image"])).digest()[:8] for record in pictures)
    return np.frombuffer(b"".join(digests), dtype="<i8").astype(np.int64)
