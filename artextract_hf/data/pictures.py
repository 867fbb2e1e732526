"""The pictures of a dataset: read as they are encoded, decoded some ahead in threads; those that fail are listed.

    dataset --encoded_pictures--> cells --picture_source--> bytes or path --decode_image--> picture --work--> result

A cell is what a record holds in its column `image`: the encoded `bytes`, or the `path` of a file.
"""

import base64
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from datasets import Dataset, Image
from PIL.Image import Image as Picture
from tqdm import tqdm

from artextract_hf.data.decode import MAX_BYTES, decode_image
from artextract_hf.data.parallel import ordered_map
from artextract_hf.data.schema import SkipList
from artextract_hf.errors import ImageError

Item = TypeVar("Item")
Result = TypeVar("Result")

PAGE_QUALITY = 80  # of the JPEGs in a page
CHECK_SIDE = 32  # pixels; a file that is cut short is found at any scale, and this one decodes fastest


def encoded_pictures(dataset: Dataset) -> Dataset:
    """The same records; reading one gives its picture as a cell, and decodes nothing."""
    return dataset.cast_column("image", Image(decode=False))


def picture_source(cell: Mapping[str, Any] | None) -> bytes | str:
    """The encoded bytes of a cell, or else the path of its file: what `decode_image` takes.

    Raises:
        ImageError: the cell holds neither.
    """
    source = cell and (cell["bytes"] or cell["path"])
    if not source:
        raise ImageError("the record holds no picture.")
    return source


def encoded_bytes(cell: Mapping[str, Any] | None) -> bytes:
    """The encoded picture of a cell, read from its file where the cell has the path only.

    It is empty where the cell has none, or a file that is too large to be decoded.
    """
    if not cell:
        return b""
    path = Path(cell["path"] or "")
    return cell["bytes"] or (path.read_bytes() if path.is_file() and path.stat().st_size <= MAX_BYTES else b"")


def check_picture(source: bytes | str | Path) -> None:
    """Decode a picture at a small scale, to know whether it is whole.

    Raises:
        ImageError: the picture cannot be used, or there is no such file.
    """
    try:
        if not isinstance(source, bytes) and not Path(source).is_file():
            raise ImageError("there is no such file")
        decode_image(source, min_side=CHECK_SIDE)
    except OSError as error:  # a file that may not be read, or a name too long for the system
        raise ImageError(str(error)) from None


def usable(
    items: Sequence[Item],
    look: Callable[[Item], Result],
    name_of: Callable[[Item], str],
    skipped: SkipList,
    *,
    ahead: int | None = None,
    progress: str = "",
) -> Iterator[tuple[Item, Result]]:
    """Look at each item in threads; what raises an ImageError is left out and listed.

    Args:
        items: anything that stands for a picture.
        look: called in the threads; raises ImageError where the item cannot be used.
        name_of: the name under which an item is listed.
        skipped: filled with the items that are left out, in order.
        ahead: items that are looked at ahead of the caller, see `ordered_map`.
        progress: what a progress bar on a terminal is called; none without a name.

    Yields:
        The other items, each with what `look` gave, in order.
    """

    def look_safely(item: Item) -> Result | ImageError:
        try:
            return look(item)
        except ImageError as error:
            return error

    results = ordered_map(look_safely, items, ahead=ahead)
    bar = tqdm(results, progress, len(items), unit="picture", disable=None if progress else True)
    for item, result in zip(items, bar, strict=True):
        if isinstance(result, ImageError):
            skipped.add(name_of(item), result)
        else:
            yield item, result


def with_pictures(dataset: Dataset, skipped: SkipList) -> Dataset:
    """The records whose picture can be decoded; the ids of the others are listed in `skipped`."""
    pictures, ids = encoded_pictures(dataset.select_columns("image")), dataset["id"]

    def look(row: int) -> None:
        check_picture(picture_source(pictures[row]["image"]))

    kept = [row for row, _ in usable(range(len(pictures)), look, ids.__getitem__, skipped)]
    return dataset if len(kept) == len(dataset) else dataset.select(kept)


def decoded(
    dataset: Dataset,
    work: Callable[[Picture, dict[str, Any]], Result],
    skipped: SkipList,
    *,
    min_side: int,
    ahead: int | None = None,
    progress: str = "",
) -> Iterator[tuple[int, Result]]:
    """Decode the pictures of a dataset in threads, and do there what is to be done with each.

    Args:
        dataset: records with at least the columns `id` and `image`.
        work: takes a picture and its record, whose `image` is the cell; called in the threads.
        skipped: filled with the ids of pictures that cannot be decoded.
        min_side: see `decode_image`.
        ahead: pictures that are decoded ahead of the caller, see `ordered_map`.
        progress: as in `usable`.

    Yields:
        The row of each picture that could be decoded, and what `work` gave, in order.
    """
    records = encoded_pictures(dataset)

    def look(row: int) -> Result:
        record = records[row]
        return work(decode_image(picture_source(record["image"]), min_side=min_side), record)

    return usable(range(len(records)), look, lambda row: records[row]["id"], skipped, ahead=ahead, progress=progress)


def inline_jpeg(picture: Picture, side: int | None = None) -> str:
    """A picture as a page holds it: a JPEG in base64, its long side at most `side` pixels where that is given."""
    small = picture.convert("RGB")
    if side is not None:
        small.thumbnail((side, side))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=PAGE_QUALITY)
    return base64.b64encode(file.getvalue()).decode()


def in_batches(results: Iterable[tuple[int, Result]], size: int) -> Iterator[tuple[list[int], list[Result]]]:
    """Rows and results in batches of `size` rows of the dataset; a row that is left out leaves its batch shorter.

    >>> list(in_batches([(0, "a"), (2, "c"), (3, "d"), (8, "i")], 3))
    [([0, 2], ['a', 'c']), ([3], ['d']), ([8], ['i'])]
    """
    for _, batch in groupby(results, key=lambda pair: pair[0] // size):
        rows, found = zip(*batch, strict=True)
        yield list(rows), list(found)
