"""What may be published: a record is open if its licence lets anybody use and share the picture, also changed or sold.

Open are CC0, the public domain mark, CC BY, CC BY-SA and "no known copyright". Not open are NonCommercial and
NoDerivatives licences, fair use, anything in copyright, and a licence that is not stated.
"""

import re

from datasets import Dataset

from artextract_hf.data.schema import SkipList
from artextract_hf.errors import DataError

ALLOW = "--allow-restricted"

# Words and addresses of creativecommons.org and rightsstatements.org, in lower case with - _ and spaces made one space.
_OPEN = re.compile(
    r"\bcc0\b|\bcc zero\b|\bpublic domain\b|publicdomain/(zero|mark)|\bpdm\b"
    r"|\bcc by( sa)?\b|licenses/by( sa)?/|\bcreative commons (zero|attribution)"
    r"|\bno known copyright\b|\bno copyright\b|/vocab/(noc us|nkc)\b"
)
_NOT_OPEN = re.compile(
    r"\bnc\b|\bnd\b|non ?commercial|no ?deriv|\bin copyright\b|\ball rights reserved\b|/vocab/(inc|noc (nc|oklr|cr))\b"
    r"|\bfair use\b|\bnot (in the )?public domain\b|\bnot cc0\b"
)


def is_open(license: str | None) -> bool:
    """Whether a licence, as a museum states it or as an address, lets anybody use and share the picture.

    >>> is_open("CC0 1.0"), is_open("https://creativecommons.org/licenses/by-sa/4.0/"), is_open("CC BY-NC 4.0")
    (True, True, False)
    """
    text = re.sub(r"[\s_-]+", " ", (license or "").lower())
    return bool(_OPEN.search(text)) and not _NOT_OPEN.search(text)


def states_no_rights(dataset: Dataset) -> bool:
    """Whether no record at all names a licence: pictures of one's own, as a folder of files is."""
    return not any(dataset["license"])


def keep_open(dataset: Dataset, skipped: SkipList) -> Dataset:
    """The records with an open licence; every other one is noted in `skipped`.

    Raises:
        DataError: not a single one has.
    """
    kept = []
    for row, (id_, license) in enumerate(zip(dataset["id"], dataset["license"], strict=True)):
        if is_open(license):
            kept.append(row)
        else:
            stated = f"its licence is not open ({license})" if license else "it states no licence"
            skipped.add(id_, f"{stated}; {ALLOW} takes it in")
    if not kept and len(dataset):
        stated = ", ".join(sorted({license or "none stated" for license in dataset["license"]})[:3])
        raise DataError(f"none of the {len(dataset)} records has an open licence ({stated}); {ALLOW} takes them in.")
    return dataset if len(kept) == len(dataset) else dataset.select(kept)
