"""The evaluation of an embedder: search by every label, and the works behind a visitor's photographs.

DIR/metrics.json    the figures
DIR/report.md       the same as a table
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from PIL.Image import Image as Picture
from tqdm import tqdm

from artextract_hf.data.decode import decode_image
from artextract_hf.data.pictures import encoded_pictures, picture_source, usable
from artextract_hf.data.schema import SkipList, class_names, labels_for, tasks_of
from artextract_hf.data.views.photograph import photograph
from artextract_hf.embedders.protocol import Embedder
from artextract_hf.errors import DataError, ImageError
from artextract_hf.evaluation.representation import effective_rank, spread
from artextract_hf.evaluation.retrieval import recall_of_works, score_retrieval
from artextract_hf.outputs import check_report_folder, whole_files

FILES = ("metrics.json", "report.md")
KEYS = ("embedder", "dim", "labels")  # of metrics.json, by which an earlier report is known
LABELS = ("style", "genre", "artist")
BATCH = 256  # paintings embedded at a time
SEED = 0  # of the works that are photographed, and of their photographs


def evaluate_embedder(
    embedder: Embedder,
    gallery: Dataset,
    queries: Dataset,
    out: str | Path,
    *,
    name: str,
    photos: int = 300,
) -> dict[str, Any]:
    """Score an embedder and write the report.

    Args:
        embedder: what is scored.
        gallery: records that are searched.
        queries: records that are searched with; a file that is in both never finds itself.
        out: folder to write to.
        name: of the embedder.
        photos: how many works of the gallery are photographed as a visitor would; 0 for none.

    Returns:
        What metrics.json holds: `labels` by name (of `LABELS`, those with anything to find), `photos`, `spread` and
        `rank` of the gallery's vectors, `embedder`, `dim`, `fingerprint`, `gallery`, `queries`, `skipped`.

    Raises:
        DataError: no picture of the gallery or of the queries can be decoded, or a record has no id.
        ArtExtractError: `out` cannot be written to, or holds files of these names that are of no earlier report.
    """
    check_report_folder(Path(out), FILES, KEYS)  # before the work
    for part, records in (("gallery", gallery), ("queries", queries)):
        if "id" not in records.column_names or None in records["id"]:
            raise DataError(f"a record of the {part} has no id, by which a painting that is in both is left out.")
    skipped = SkipList()
    searched, asked = (_Embedded(part, *embed_split(embedder, part, skipped)) for part in (gallery, queries))
    report = {
        "embedder": name,
        "dim": embedder.dim,
        "fingerprint": embedder.fingerprint,
        "gallery": len(searched.rows),
        "queries": len(asked.rows),
        "labels": _scores_by_label(searched, asked),
        "spread": round(spread(searched.vectors), 4),
        "rank": round(effective_rank(searched.vectors[:4096]), 1),
        "skipped": skipped.as_json(),
    }
    if photos:
        works = gallery.select(searched.rows)
        report["photos"] = score_photographs(embedder, works, searched.vectors, number=photos, seed=SEED)
    with whole_files(Path(out)) as new:
        (new / "metrics.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (new / "report.md").write_text(embedder_table(report) + "\n", encoding="utf-8")
    return report


@dataclass(frozen=True)
class _Embedded:
    """A data set, the vectors (N, dim) of what could be decoded, and the row of each."""

    paintings: Dataset
    vectors: np.ndarray
    rows: np.ndarray

    def labels(self, label: str) -> list[str | None]:
        return label_names(self.paintings, label, self.rows)

    @property
    def ids(self) -> list[str]:
        return self.paintings.select_columns("id")[self.rows]["id"]


def _scores_by_label(gallery: _Embedded, queries: _Embedded) -> dict[str, dict[str, float]]:
    """How good the search is by each of LABELS that has anything to find."""
    found = {}
    for label in LABELS:
        scores = score_retrieval(
            gallery.vectors,
            gallery.labels(label),
            queries.vectors,
            queries.labels(label),
            gallery_works=gallery.ids,
            query_works=queries.ids,
        )
        if scores is not None:
            found[label] = scores.as_json()
    return found


def embed_split(embedder: Embedder, paintings: Dataset, skipped: SkipList) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (N, dim) of the records that could be decoded, and their rows.

    The embedder decodes the pictures, at the scale that it needs. Only of a batch in which one fails is each picture
    decoded here, to tell which.

    Raises:
        DataError: there is none.
    """
    pictures = encoded_pictures(paintings.select_columns(["id", "image"]))
    vectors: list[np.ndarray] = []
    rows: list[int] = []
    for start in tqdm(range(0, len(pictures), BATCH), desc="embedding", unit="batch", disable=None):
        cells = pictures[start : start + BATCH]["image"]
        try:
            sources = dict(enumerate(map(picture_source, cells), start))
            vectors.append(embedder.embed(list(sources.values())))
        except ImageError:
            sources = _decodable(pictures, range(start, start + len(cells)), skipped)
            if sources:
                vectors.append(embedder.embed(list(sources.values())))
        rows.extend(sources)
    if not rows:
        raise DataError("no picture of the data can be decoded.")
    return np.concatenate(vectors), np.array(rows, dtype=np.int64)


def _decodable(pictures: Dataset, rows: Sequence[int], skipped: SkipList) -> dict[int, bytes | str]:
    """The encoded pictures, by row, that decode without an error."""

    def look(row: int) -> bytes | str:
        source = picture_source(pictures[row]["image"])
        decode_image(source)
        return source

    return dict(usable(rows, look, lambda row: pictures[row]["id"], skipped))


def label_names(paintings: Dataset, label: str, rows: np.ndarray) -> list[str | None]:
    """The name of each record's class; None where it is unknown, or where the data have no such label."""
    if label not in tasks_of(paintings):
        return [None] * len(rows)
    names = class_names(paintings, label)
    labels = labels_for(paintings.select_columns(label), label, names)
    return [names[value] if value >= 0 else None for value in labels[rows].tolist()]


def score_photographs(
    embedder: Embedder,
    works: Dataset,
    vectors: np.ndarray,
    *,
    number: int,
    seed: int,
    take: Callable[[Picture, np.random.Generator], Picture] = photograph,
) -> dict[str, float]:
    """How often a visitor's photograph of a work finds the work itself.

    Args:
        embedder: what embeds the photographs, as it did the works.
        works: N records, the gallery that is searched.
        vectors: (N, dim) of the works.
        number: of works that are photographed, at most.
        seed: of the choice and of the photographs.
        take: a photograph of a picture.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(works), min(number, len(works)), replace=False)
    cells = encoded_pictures(works.select(chosen).select_columns("image"))["image"]
    photos = [
        take(decode_image(picture_source(cell)), np.random.default_rng((seed, i))) for i, cell in enumerate(cells)
    ]
    found = embedder.embed(photos)
    recall = {f"recall@{k}": round(recall_of_works(vectors, found, chosen, k=k), 4) for k in (1, 10)}
    return recall | {"works": len(chosen), "seed": seed}


def embedder_table(report: dict[str, Any]) -> str:
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
