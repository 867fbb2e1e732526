"""What records state of the rights to their pictures, wherever in a record they state it."""

import hashlib
from collections.abc import Iterable

import pyarrow as pa

from artextract_hf.data.rights import shared_rights
from artextract_hf.data.words.fields import rights_columns, stated_licenses


def licences_of(fields: pa.Table, pictures: Iterable[bytes | None]) -> list[str]:
    """The licence of each record (N,), empty where none is stated.

    Of what several records state of the same picture, that which is not open counts in all of them.

    Args:
        fields: of N records.
        pictures: their small pictures, encoded; None where there is none.
    """
    stated = stated_licenses(fields.select(rights_columns(fields.schema)).to_pylist() or [{}] * len(fields))
    digests = (None if picture is None else hashlib.sha256(picture).digest() for picture in pictures)
    return shared_rights(stated, digests)
