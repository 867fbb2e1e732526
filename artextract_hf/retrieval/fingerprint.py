"""Short digests that tell whether two collections or two embedders are the same."""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from artextract_hf.errors import PaintingIndexError

if TYPE_CHECKING:
    from artextract_hf.embedders.protocol import Embedder

LENGTH = 16  # hexadecimal digits of a fingerprint, as of an embedder's


def data_fingerprint(ids: Iterable[str], contents: Iterable[bytes | None]) -> str:
    """16 hexadecimal digits that change with any id, with any record's content, and with their order.

    Args:
        ids: of the records.
        contents: of each record, what it is known by: its small picture; None where it has none.
    """
    digest = hashlib.sha256()
    for id_, content in zip(ids, contents, strict=True):
        for part in (id_.encode(), content or b""):
            digest.update(len(part).to_bytes(8, "big"))  # so that no two collections run together alike
            digest.update(part)
    return digest.hexdigest()[:LENGTH]


def check_embedder(embedder: "Embedder", name: str, fingerprint: str) -> None:
    """Refuse an embedder other than the one whose vectors an index holds.

    Args:
        embedder: at hand.
        name: of the index's.
        fingerprint: of the index's.

    Raises:
        PaintingIndexError: it is another.
    """
    if embedder.fingerprint != fingerprint:
        raise PaintingIndexError(
            f"the index was built with {name!r} (fingerprint {fingerprint!r}), but the embedder at hand has "
            f"{embedder.fingerprint}; build the index again, or load that embedder."
        )
