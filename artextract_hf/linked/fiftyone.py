"""A collection as FiftyOne reads it: the layout `FiftyOneImageClassificationDataset`, and the vectors beside it.

    data/<name>.jpg    the pictures
    labels.json        `classes`, and of each name the place of its class among them, or null
    ids.json           of each name the id of the work
    embeddings.npy     (N, dim) float32, in the order in which FiftyOne reads the samples: sorted by name

The layout has no field for vectors; FiftyOne takes them as an array:

    dataset = fiftyone.Dataset.from_dir(folder, fiftyone.types.FiftyOneImageClassificationDataset)
    fiftyone.brain.compute_visualization(dataset, embeddings=numpy.load(f"{folder}/embeddings.npy"))
"""

from pathlib import Path
from typing import Any

import numpy as np

from artextract_hf.data.pictures import usable
from artextract_hf.data.schema import SkipList
from artextract_hf.documents import json_text
from artextract_hf.errors import DataError
from artextract_hf.linked.pictures import QUALITY, Pictures
from artextract_hf.linked.work import file_name
from artextract_hf.outputs import refuse_filled, replacement
from artextract_hf.retrieval.index import PaintingIndex


def write_fiftyone(
    index: PaintingIndex,
    folder: str | Path,
    task: str = "style",
    *,
    pictures: Pictures | None = None,
    skipped: SkipList | None = None,
) -> dict[str, Any]:
    """Write the works of an index with their classes and vectors; for use on one's own machine, whatever the licences.

    Args:
        index: of the works.
        folder: to write; it is new, or empty.
        task: field of the records that holds the classes.
        pictures: gives the works' pictures, see `pictures_of`; the small ones of the index by default.
        skipped: filled with the works that are left out, and why.

    Returns:
        `works` and `classes`, how many.

    Raises:
        ArtExtractError: the folder holds something.
        QueryError: the records have no such field, or the index has no pictures and none are given.
        DataError: no picture can be written.
    """
    refuse_filled(folder)
    labels, ids = index.column(task), index.ids
    classes = sorted({label for label in labels if isinstance(label, str) and label})
    row_of = {file_name(id_): row for row, id_ in enumerate(ids)}
    skipped = SkipList() if skipped is None else skipped
    show = index.thumbnail if pictures is None else pictures
    with replacement(folder) as new:
        (new / "data").mkdir()

        def write(name: str) -> None:
            show(ids[row_of[name]]).save(new / "data" / f"{name}.jpg", "JPEG", quality=QUALITY)

        written = usable(sorted(row_of), write, lambda name: ids[row_of[name]], skipped)
        rows = {name: row_of[name] for name, _ in written}
        if not rows:
            raise DataError(f"no work has a picture that can be written ({skipped.summary()}).")
        place = {label: number for number, label in enumerate(classes)}
        targets = {name: place.get(labels[row]) for name, row in rows.items()}
        (new / "labels.json").write_text(json_text({"classes": classes, "labels": targets}), encoding="utf-8")
        (new / "ids.json").write_text(json_text({name: ids[row] for name, row in rows.items()}), encoding="utf-8")
        np.save(new / "embeddings.npy", index.vectors()[list(rows.values())].astype(np.float32), allow_pickle=False)
    return {"works": len(rows), "classes": len(classes)}
