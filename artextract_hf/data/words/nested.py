"""What lies in the lists and structures of a cell, and, before any cell is read, what may lie in those of a column.

{"rights_holder": {"name": "VG"}}            -> rights_holder: {"name": "VG"}, name: "VG"
[{"label": "Rights", "value": "InC"}]        -> label: "Rights", value: "InC", Rights: "InC"
[("rights", "InC")], as Arrow has a map      -> rights: "InC"
"""

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
from datasets import Dataset

PAIR = {"label", "value"}  # keys of a structure whose name is a text in it
PICTURE = {"bytes", "path"}  # keys of a picture or a sound, which `datasets` would decode
NESTED = {dict, list, tuple}
BATCH = 100  # rows read at a time; a structure may hold pictures


def named_parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Each name in a value, also of a pair of `label` and `value`, with what lies under it."""
    if isinstance(value, tuple) and len(value) == 2:
        yield from named_parts({str(value[0]): value[1]})
    elif isinstance(value, list):
        if NESTED & set(map(type, value)):  # of a million numbers this tells at once that nothing has a name
            for part in value:
                yield from named_parts(part)
    elif isinstance(value, dict):
        pairs = [*value.items(), *([(value["label"], value["value"])] if value.keys() >= PAIR else [])]
        for name, part in pairs:
            yield str(name), part
            yield from named_parts(part)


def may_name(field: pa.Field, wanted: Callable[[str], bool]) -> bool:
    """Whether a column, or something in its lists and structures, may have a wanted name; a picture has none."""
    kind = field.type.storage_type if isinstance(field.type, pa.BaseExtensionType) else field.type
    if not pa.types.is_nested(kind):
        return wanted(field.name)
    inner = [kind.field(place) for place in range(kind.num_fields)]
    names = {part.name for part in inner}
    if names == PICTURE:
        return False
    by_text = pa.types.is_map(kind) or names >= PAIR
    return by_text or wanted(field.name) or any(may_name(part, wanted) for part in inner)


def texts_in(value: Any) -> Iterator[str]:
    """Each text in a value; a long list of numbers costs nothing."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from texts_in(list(value.values()))
    elif isinstance(value, list | tuple) and (NESTED | {str}) & set(map(type, value)):
        for part in value:
            yield from texts_in(part)


def holds_text(kind: pa.DataType) -> bool:
    """Whether a column of this type has texts, also in its lists and structures; a picture has none."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        return holds_text(kind.value_type)
    if not pa.types.is_nested(kind):
        return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    inner = [kind.field(place) for place in range(kind.num_fields)]
    return {part.name for part in inner} != PICTURE and any(holds_text(part.type) for part in inner)


def plain_rows(dataset: Dataset) -> Iterator[dict[str, Any]]:
    """The rows of a data set, of which no picture is decoded."""
    for batch in dataset.with_format("arrow").iter(BATCH):
        yield from batch.to_pylist()
