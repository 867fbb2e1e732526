"""A collection of one's own as splits to learn from: those that it states, or drawn ones that keep works together.

records --near-duplicates, equal artist and title--> groups --stratified draw--> train, val, test
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict

from artextract_hf.data.duplicates import DECODE_SIDE, grey_thumbnail, near_duplicates
from artextract_hf.data.pictures import decoded
from artextract_hf.data.saved import ALL
from artextract_hf.data.schema import SkipList, class_names, labels_for, tasks_of
from artextract_hf.data.sources.collection import is_hub_name, read_with_splits
from artextract_hf.data.sources.decisions import apply_decisions
from artextract_hf.data.wikiart.lists import VAL
from artextract_hf.data.wikiart.manifest import label_baselines
from artextract_hf.data.wikiart.splits import grouped_sides, join_groups, number
from artextract_hf.errors import DataError


@dataclass(frozen=True)
class Draw:
    """What is drawn into splits.

    Attributes:
        val: share of the works that belongs in `val`, of those that are in no split yet or in `train`.
        test: and in `test`.
        seed: of the draw.

    Raises:
        DataError: nothing would be left to learn from.
    """

    val: float = 0.0
    test: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.val >= 0 and self.test >= 0 and self.val + self.test < 1):
            raise DataError(f"shares of {self.val:g} for val and {self.test:g} for test leave nothing to learn from.")


def read_collection_splits(
    source: str | Path, skipped: SkipList, draw: Draw, *, decisions: str | Path | None = None, **options: Any
) -> tuple[DatasetDict, dict[str, Any]]:
    """The splits of a collection, and what is to be known about them; one split `all` where none is stated or drawn.

    The draw is stratified by the classes of all tasks and keeps works together: near-duplicates, and pictures with the
    same artist and title.

    Args:
        source: as in `load_collection`.
        skipped: filled with what was left out.
        draw: what is drawn.
        decisions: a table of labels to change, see `decisions.py`.
        options: those of `read_with_splits`.

    Returns:
        The splits; and `on_hub`, whether the source is a data set of the Hub, `baselines` by task on `val`, how many
        labels were `relabelled`, and of a draw its shares and seed, the `groups` that were kept together, and the
        `near_duplicate_pairs` among them.

    Raises:
        DataError: the source cannot be read, states the split of some records only, or has a split that is to be drawn.
    """
    records, stated = read_with_splits(source, skipped, **options)
    sides = np.array(stated, dtype=object)
    if any(stated) and not all(stated):
        first = records["id"][stated.index("")]
        raise DataError(
            f"{stated.count('')} of {len(records)} records state no split, the first {first}; state all or none."
        )
    facts: dict[str, Any] = {}
    if decisions is not None:
        records, facts["relabelled"] = apply_decisions(records, decisions)
    if draw.val or draw.test:
        for name in [name for name in ("val", "test") if getattr(draw, name) and name in stated]:
            raise DataError(f"{source} has a split {name} already; leave out --{name}.")
        facts |= _draw(records, sides, draw)
    splits = DatasetDict({name: records.select(np.flatnonzero(sides == name)) for name in _in_order(sides)})
    facts["on_hub"] = is_hub_name(source)
    return splits or DatasetDict({ALL: records}), facts | {"baselines": baselines_on_val(splits)}


def _draw(records: Dataset, sides: np.ndarray, draw: Draw) -> dict[str, Any]:
    """Put the records without a split, or of `train`, on the drawn sides; what is to be known about the draw."""
    free = np.flatnonzero([side in ("", "train") for side in sides])
    groups, pairs = _works(records.select(free))
    labels = {task: labels_for(records, task, class_names(records, task))[free] for task in tasks_of(records)}
    sides[free] = "train"
    left = np.arange(len(free))
    rest = 1.0
    for name in ("test", "val"):
        if share := getattr(draw, name):
            mine = {task: values[left] for task, values in labels.items() if (values[left] >= 0).any()}
            drawn = grouped_sides(number(groups[left]), mine, seed=draw.seed, val_share=share / rest) == VAL
            sides[free[left[drawn]]] = name
            left, rest = left[~drawn], rest - share
    return {**asdict(draw), "groups": len(set(groups.tolist())), "near_duplicate_pairs": pairs}


def _works(records: Dataset) -> tuple[np.ndarray, int]:
    """int64 (N,): records of the same work with the same number; and how many pairs of near-duplicates there are."""
    looked = dict(decoded(records, lambda picture, _: grey_thumbnail(picture), SkipList(), min_side=DECODE_SIDE))
    rows, first = list(looked), dict[bytes, int]()
    alike = [(first.setdefault(look.tobytes(), row), row) for row, look in looked.items()]  # flat ones too
    pairs = near_duplicates(np.stack(list(looked.values()))) if rows else []
    named = zip(records["artist_name"], records["title"], records["id"], strict=True)
    same = number([f"{artist}/{title}".casefold() if artist and title else id_ for artist, title, id_ in named])
    alike += [(rows[pair.first], rows[pair.second]) for pair in pairs]
    return join_groups(same, alike), len(pairs)


def _in_order(sides: Sequence[str] | np.ndarray) -> list[str]:
    """The names of the splits: train, val, test, then the others by name."""
    usual = ("train", "val", "test")
    names = {name for name in sides if name}
    return [*(name for name in usual if name in names), *sorted(names.difference(usual))]


def baselines_on_val(splits: Mapping[str, Dataset]) -> dict[str, Any]:
    """What knows nothing of the picture, on `val`, by task; of tasks that have classes there."""
    if not {"train", "val"} <= splits.keys():
        return {}
    train, val = splits["train"], splits["val"]
    figures = {}
    for task in tasks_of(train):
        learnt, scored = (labels_for(split, task, class_names(split, task)) for split in (train, val))
        figures[task] = label_baselines(learnt, train["artist_name"], scored, val["artist_name"])
    return {task: figure for task, figure in figures.items() if figure["n"]}
