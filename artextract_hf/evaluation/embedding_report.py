"""The evaluation of an embedder: search by every label, and the works behind a visitor's photographs.

DIR/metrics.json    the figures
DIR/report.md       the same as a table
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from datasets import ClassLabel, Dataset, Image
from PIL.Image import Image as Picture
from tqdm import tqdm

from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.data.schema import SkipList
from artextract_hf.data.views.photograph import photograph
from artextract_hf.errors import DataError, ImageError
from artextract_hf.evaluation.representation import effective_rank, spread
from artextract_hf.evaluation.retrieval import recall_of_works, score_retrieval

LABELS = ("style", "genre", "artist")
BATCH = 256  # paintings decoded at a time


class Embedder(Protocol):
    """What is evaluated; any embedder of `embedders/network.py`."""

    dim: int
    fingerprint: str

    def embed(self, images: Sequence[ImageSource], batch_size: int = 32) -> np.ndarray:
        """(N, dim) float32, unit rows."""
        ...


def evaluate_embedder(
    embedder: Embedder,
    gallery: Dataset,
    queries: Dataset,
    out: str | Path,
    *,
    name: str,
    photos: int = 300,
    seed: int = 0,
) -> dict[str, Any]:
    """Score an embedder and write the report.

    Args:
        embedder: what is scored.
        gallery: records that are searched.
        queries: records that are searched with; a file that is in both never finds itself.
        out: folder to write to.
        name: of the embedder.
        photos: how many works of the gallery are photographed as a visitor would; 0 for none.
        seed: of that choice, and of the photographs.

    Returns:
        What metrics.json holds: `labels` by name (of `LABELS`, those with anything to find), `photos`, `spread` and
        `rank` of the gallery's vectors, `embedder`, `dim`, `fingerprint`, `gallery`, `queries`, `skipped`.

    Raises:
        DataError: no picture of the gallery or of the queries can be decoded.
    """
    skipped = SkipList()
    vectors, rows = embed_split(embedder, gallery, skipped)
    asked, asked_rows = embed_split(embedder, queries, skipped)
    labels = {}
    for label in LABELS:
        scores = score_retrieval(
            vectors,
            label_names(gallery, label, rows),
            asked,
            label_names(queries, label, asked_rows),
            gallery_ids=gallery.select_columns("id")[rows]["id"],
            query_ids=queries.select_columns("id")[asked_rows]["id"],
        )
        if scores is not None:
            labels[label] = scores.as_json()
    report = {
        "embedder": name,
        "dim": embedder.dim,
        "fingerprint": embedder.fingerprint,
        "gallery": len(rows),
        "queries": len(asked_rows),
        "labels": labels,
        "spread": round(spread(vectors), 4),
        "rank": round(effective_rank(vectors[:4096]), 1),
        "skipped": skipped.as_json(),
    }
    if photos:
        report["photos"] = score_photographs(embedder, gallery, rows, vectors, number=photos, seed=seed)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "metrics.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / "report.md").write_text(as_text(report) + "\n", encoding="utf-8")
    return report


def embed_split(embedder: Embedder, paintings: Dataset, skipped: SkipList) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (N, dim) of the records that could be decoded, and their rows.

    Raises:
        DataError: there is none.
    """
    pictures = paintings.select_columns(["id", "image"]).cast_column("image", Image(decode=False))
    vectors: list[np.ndarray] = []
    rows: list[int] = []
    for start in tqdm(range(0, len(pictures), BATCH), desc="embedding", unit="batch", disable=None):
        batch = pictures[start : start + BATCH]
        encoded = [image["bytes"] or image["path"] for image in batch["image"]]
        whole = list(range(len(encoded)))
        try:
            vectors.append(embedder.embed(encoded))
        except ImageError:
            whole = [i for i in whole if _decodes(encoded[i], batch["id"][i], skipped)]
            if whole:
                vectors.append(embedder.embed([encoded[i] for i in whole]))
        rows.extend(start + i for i in whole)
    if not rows:
        raise DataError("no picture of the data can be decoded.")
    return np.concatenate(vectors), np.array(rows, dtype=np.int64)


def _decodes(encoded: ImageSource, id: str, skipped: SkipList) -> bool:
    try:
        decode_image(encoded)
    except ImageError as error:
        skipped.add(id, error)
        return False
    return True


def label_names(paintings: Dataset, label: str, rows: np.ndarray) -> list[str | None]:
    """The name of each record's class; None where it is unknown, or where the data have no such label."""
    feature = paintings.features.get(label)
    if not isinstance(feature, ClassLabel):
        return [None] * len(rows)
    return [feature.int2str(value) if value >= 0 else None for value in paintings.select_columns(label)[rows][label]]


def score_photographs(
    embedder: Embedder,
    gallery: Dataset,
    rows: np.ndarray,
    vectors: np.ndarray,
    *,
    number: int,
    seed: int,
    take: Callable[[Picture, np.random.Generator], Picture] = photograph,
) -> dict[str, float]:
    """How often a visitor's photograph of a gallery work finds the work itself.

    Args:
        embedder: of both.
        gallery: the records.
        rows: the record of each vector.
        vectors: (N, dim) of the gallery.
        number: works at most.
        seed: of the choice and of the photographs.
        take: a photograph of a picture.
    """
    rng = np.random.default_rng(seed)
    works = rng.choice(len(rows), min(number, len(rows)), replace=False)
    pictures = gallery.select(rows[works]).select_columns("image").cast_column("image", Image(decode=False))
    photos = [
        take(decode_image(image["bytes"] or image["path"]), np.random.default_rng((seed, i)))
        for i, image in enumerate(pictures["image"])
    ]
    found = embedder.embed(photos)
    recall = {f"recall@{k}": round(recall_of_works(vectors, found, works, k=k), 4) for k in (1, 10)}
    return recall | {"works": len(works), "seed": seed}


def as_text(report: dict[str, Any]) -> str:
    """The figures as an aligned table, percent."""
    lines = ["label     P@1   P@10    mAP  chance  queries"]
    for label, scores in report["labels"].items():
        shares = [100 * scores[key] for key in ("p@1", "p@10", "map", "chance")]
        lines.append(
            f"{label:<7}{shares[0]:>6.1f} {shares[1]:>6.1f} {shares[2]:>6.1f} {shares[3]:>7.1f} {scores['queries']:>8}"
        )
    text = "```\n" + "\n".join(lines) + "\n```\n"
    if "photos" in report:
        photos = report["photos"]
        text += f"\n{photos['works']} visitors' photographs: {100 * photos['recall@1']:.1f} % find their work first.\n"
    return (
        text + f"\nembedder {report['embedder']}, {report['dim']} dimensions, gallery of {report['gallery']}; percent"
    )
