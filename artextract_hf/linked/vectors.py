"""The vectors of works beside their manifests, so that others can search without the pictures and without the model.

    vectors.npy     (N, dim) float32, rows in the order of the ids; `numpy.load(..., mmap_mode="r")` reads it
    vectors.json    `embedder`, `fingerprint` (of its weights and its preprocessing), `metric`, `dim`, `count`, `dtype`,
                    `vectors` (the file), `sha256` (of it), `ids`, `titles` and `manifests`

Manifests and the collection name vectors.json under `seeAlso`. Vectors of two embedders cannot be compared: whoever
reads them compares the fingerprints, as `read_vectors` does.
"""

from pathlib import Path
from typing import Any

import numpy as np

from artextract_hf.digests import file_digest
from artextract_hf.documents import json_text, read_document
from artextract_hf.embedders.protocol import Embedder
from artextract_hf.errors import PaintingIndexError, QueryError, first_line
from artextract_hf.linked.work import MANIFEST, Work
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.records import RecordTable, refuse_foreign_records
from artextract_hf.retrieval.vectors.arrays import map_array
from artextract_hf.retrieval.vectors.scan import check_vectors
from artextract_hf.retrieval.vectors.store import VectorStore

ABOUT, ARRAY = "vectors.json", "vectors.npy"
DTYPE = "float32"
LISTS = ("ids", "titles", "manifests")
EXPECTED = {"embedder": str, "fingerprint": str, "metric": str, "dim": int, "sha256": str, **dict.fromkeys(LISTS, list)}
MOST_BYTES = 2**30  # of vectors.json: a million works


def write_vectors(folder: Path, index: PaintingIndex, works: list[Work], vectors: np.ndarray) -> None:
    """Write vectors.npy and vectors.json.

    Args:
        folder: to write into.
        index: that the vectors are of.
        works: N of them.
        vectors: (N, dim), of these works.
    """
    np.save(folder / ARRAY, np.ascontiguousarray(vectors, dtype=DTYPE), allow_pickle=False)
    about = {
        "embedder": index.embedder_name,
        "fingerprint": index.fingerprint,
        "metric": index.metric,
        "dim": index.dim,
        "count": len(works),
        "dtype": DTYPE,
        "vectors": ARRAY,
        "sha256": file_digest(folder / ARRAY),
        "ids": [work.id for work in works],
        "titles": [work.title for work in works],
        "manifests": [work.at(MANIFEST) for work in works],
    }
    (folder / ABOUT).write_text(json_text(about), encoding="utf-8")


def vectors_reference(base: str) -> dict[str, Any]:
    """The vectors as `seeAlso` of a manifest or a collection names them.

    Args:
        base: address of the folder with them, without a slash at the end.
    """
    label = {"en": ["Vectors for similarity search"]}
    return {"id": f"{base}/{ABOUT}", "type": "Dataset", "format": "application/json", "label": label}


def read_vectors(folder: str | Path, *, embedder: Embedder | None = None) -> PaintingIndex:
    """The works of an export as an index; its records have `title` and `manifest`, the address of the work's manifest.

    Args:
        folder: with vectors.json and vectors.npy, as downloaded.
        embedder: of the vectors; loaded by its name when a picture is searched for, if it is not given.

    Raises:
        PaintingIndexError: a file is missing, damaged or of another export, or the embedder is another.
    """
    path = Path(folder) / ABOUT
    about = read_document(path, PaintingIndexError, most=MOST_BYTES)
    if broken := [key for key, kind in EXPECTED.items() if type(about.get(key)) is not kind]:
        raise PaintingIndexError(f"{path} is damaged: {', '.join(broken)}.")
    try:
        vectors = map_array(path.with_name(ARRAY), np.float32, (len(about["ids"]), about["dim"]))
        if file_digest(path.with_name(ARRAY)) != about["sha256"]:
            raise ValueError(f"{ARRAY} is damaged, or not of these works")
        check_vectors(vectors, about["dim"], about["metric"])
        columns = zip(*(about[name] for name in LISTS), strict=True)
        records = RecordTable.from_rows([{"id": i, "title": t, "manifest": m} for i, t, m in columns])
        refuse_foreign_records(records.table)
        store = VectorStore.build(vectors, metric=about["metric"])
    except (ValueError, OSError, QueryError) as error:
        raise PaintingIndexError(f"{path} cannot be read: {first_line(error)}") from None
    names = {"embedder_name": about["embedder"], "fingerprint": about["fingerprint"]}
    return PaintingIndex(store, records, embedder=embedder, **names)
