"""The `where` of a search: comparisons of a record's fields, parsed into a mask, never evaluated as code.

    artist_name == 'Claude Monet' and year >= 1870 and not (genre in ('portrait', 'still_life'))
    'follower of' in artist_name

Allowed are `== != < <= > >=`, `in (...)`, `not in (...)`, `and`, `or`, `not`, brackets, texts and numbers; and a text
`in` a field, which holds where the field contains it, capitals and accents aside. A comparison with an unknown value is
false; texts are compared in one form of Unicode (NFC). A painting's date is a window:
`year <= 1890 and year_end >= 1880` is whatever may be from the eighties.
"""

import ast
import difflib
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeGuard

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from artextract_hf.errors import QueryError

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
}
_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.GtE,
    ast.GtE: ast.LtE,
}
MAX_LENGTH = 2000  # characters; the parser's recursion is bounded by it
MAX_COMPARISONS = 50  # each is a pass over the records, of texts some 10 ms a million
_FOLDED = "folded "  # before the name of a field; none is called so, since the names of a filter hold no space
MAX_COMPARED = 10_000  # values of a field among which the nearest is looked for, in less than a second
MAX_WHOLE = 2**53  # larger whole numbers are not exact where a field holds floats


def parse_where(where: str, records: pa.Table) -> np.ndarray:
    """The records for which `where` holds, as a boolean mask (N,).

    Args:
        where: the expression.
        records: the fields, columns of texts or numbers, null where unknown.

    Raises:
        QueryError: not such an expression, more than MAX_COMPARISONS, or a field that no record has.
    """
    if len(where) > MAX_LENGTH:
        raise QueryError(f"the filter is longer than {MAX_LENGTH} characters.")
    try:
        node = ast.parse(where.strip(), mode="eval").body
        compared = sum(len(part.ops) for part in ast.walk(node) if isinstance(part, ast.Compare))
        if compared > MAX_COMPARISONS:
            raise QueryError(f"the filter has more than {MAX_COMPARISONS} comparisons; list values by `in (...)`.")
        return _mask(node, _with_folded(node, _in_one_form(node, records)))
    except QueryError:
        raise
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise QueryError(
            f"cannot read the filter {where!r}; an example: year >= 1870 and genre == 'portrait'"
        ) from None


def matching_rows(where: str | None, records: pa.Table) -> np.ndarray | None:
    """The rows (M,) int64 for which `where` holds; None, which stands for every row, if there is no filter.

    Raises:
        QueryError: as `parse_where`.
    """
    text = filter_text(where)
    return np.flatnonzero(parse_where(text, records)) if text else None


def filter_text(where: Any) -> str:
    """The text of a filter; empty where there is none.

    Raises:
        QueryError: it is no text.
    """
    if not isinstance(where, str | None):
        raise QueryError(f'a filter is a text, such as "year < 1900", and no {type(where).__name__}.')
    return (where or "").strip()


def filter_hint(where: str, column: Callable[[str], Iterable[Any]]) -> str:
    """What to say where no record passes a filter: the first text in it that no record holds, and the nearest one.

    Args:
        where: a filter that could be read.
        column: gives the values of a field, as the `column` of an index does.

    >>> filter_hint("genre == 'still life'", {"genre": ["portrait", "still_life"]}.__getitem__)
    "no record has the genre 'still life'; did you mean 'still_life'?"
    """
    for name, value in _equalled(ast.parse(where.strip(), mode="eval")):
        held = {unicodedata.normalize("NFC", text) for text in column(name) if isinstance(text, str)}
        if value not in held:
            near = difflib.get_close_matches(value, sorted(held), n=1) if len(held) <= MAX_COMPARED else []
            return f"no record has the {name} {value!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    return ""


def _equalled(node: ast.AST) -> Iterator[tuple[str, str]]:
    """The texts of which one is wanted of a field, each with the field's name."""
    for part in (part for part in ast.walk(node) if isinstance(part, ast.Compare)):
        sides = [part.left, *part.comparators]
        for left, op, right in zip(sides, part.ops, sides[1:], strict=False):
            if isinstance(op, ast.Eq) or (isinstance(op, ast.In) and isinstance(left, ast.Name)):
                names = [side.id for side in (left, right) if isinstance(side, ast.Name)]
                values = [value.value for side in (left, right) for value in ast.walk(side) if _is_constant_text(value)]
                yield from ((name, unicodedata.normalize("NFC", str(value))) for name in names for value in values)


def _is_constant_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _mask(node: ast.expr, records: pa.Table) -> np.ndarray:
    if isinstance(node, ast.BoolOp):
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return join.reduce([_mask(value, records) for value in node.values])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return ~_mask(node.operand, records)
    if isinstance(node, ast.Compare):
        return _chain(node, records)
    raise _refused(node)


def _chain(node: ast.Compare, records: pa.Table) -> np.ndarray:
    """`a < b <= c` is `a < b and b <= c`, as in Python."""
    sides = [node.left, *node.comparators]
    parts = [_comparison(a, op, b, records) for a, op, b in zip(sides, node.ops, sides[1:], strict=False)]
    return np.logical_and.reduce(parts)


def _comparison(left: ast.expr, op: ast.cmpop, right: ast.expr, records: pa.Table) -> np.ndarray:
    kind = type(op)
    if kind in (ast.In, ast.NotIn):
        if is_part(left, right):
            return _contains(right, _constant(left), records, inside=kind is ast.In)
        if not isinstance(left, ast.Name) or not isinstance(right, ast.Tuple | ast.List | ast.Constant):
            raise _refused(left)
        values = [_constant(v) for v in (right.elts if isinstance(right, ast.Tuple | ast.List) else [right])]
        return _member(_column(left, records), values, inside=kind is ast.In)
    if kind not in _COMPARE:
        raise _refused(op)
    if isinstance(left, ast.Name) and not isinstance(right, ast.Name):
        return _compare(_column(left, records), _COMPARE[kind], _constant(right))
    if isinstance(right, ast.Name) and not isinstance(left, ast.Name):
        return _compare(_column(right, records), _COMPARE[_MIRRORED.get(kind, kind)], _constant(left))
    raise QueryError("a comparison in a filter has a field on one side and a text or number on the other.")


def is_part(left: ast.expr, right: ast.expr) -> bool:
    """Whether the sides of `in` ask for a part of a field: a text in a name."""
    return isinstance(left, ast.Constant) and isinstance(left.value, str) and isinstance(right, ast.Name)


def _contains(field: ast.expr, part: str | float, records: pa.Table, *, inside: bool) -> np.ndarray:
    """Whether the known texts of a field contain a part, or do not."""
    assert isinstance(field, ast.Name)
    column = _column(field, records)
    if not _is_text(column.type):
        return np.zeros(len(column), dtype=bool) if inside else _known(column.is_valid())
    folded = records[_FOLDED + field.id].combine_chunks()
    matches = pc.match_substring(folded.dictionary, _folded(pa.array([part]))[0].as_py())
    found = _known(pa.chunked_array([pc.take(matches, folded.indices)]))
    return found if inside else ~found & _known(column.is_valid())


def _with_folded(node: ast.expr, records: pa.Table) -> pa.Table:
    """The records, with the texts folded of which a filter wants a part; each once, however often it does."""
    names = set()
    for compared in (part for part in ast.walk(node) if isinstance(part, ast.Compare)):
        sides = [compared.left, *compared.comparators]
        for left, op, right in zip(sides, compared.ops, sides[1:], strict=False):
            if isinstance(op, ast.In | ast.NotIn) and is_part(left, right):
                names.add(ast.unparse(right))
    for name in names.intersection(records.column_names):
        if _is_text(records.schema.field(name).type):
            texts = pc.dictionary_encode(records[name]).combine_chunks()
            folded = pa.DictionaryArray.from_arrays(texts.indices, _folded(texts.dictionary))
            records = records.append_column(_FOLDED + name, folded)
    return records


def _folded(texts: pa.Array) -> pa.Array:
    """Texts without accents and in lower case: Cézanne is cezanne."""
    accented = pc.invert(pc.string_is_ascii(texts))  # the others are a tenth of the work
    bare = pc.replace_substring_regex(pc.utf8_normalize(texts.filter(accented), form="NFKD"), r"\p{M}", "")
    return pc.utf8_lower(pc.replace_with_mask(texts, accented, bare))


def _compare(column: pa.ChunkedArray, compare: Callable[[Any, Any], Any], value: str | float) -> np.ndarray:
    if pa.types.is_null(column.type):  # no record knows a value of it, or of which kind it would be
        return np.zeros(len(column), dtype=bool)
    if not _is_like(column.type, value):
        raise QueryError(f"the filter compares a field with {value!r}, but the field holds values of another kind.")
    return _known(compare(column, value))


def _member(column: pa.ChunkedArray, values: list[str | float], *, inside: bool) -> np.ndarray:
    """Whether a known value is one of `values`, or is none of them."""
    like = [value for value in values if _is_like(column.type, value)]
    if not like:
        found = np.zeros(len(column), dtype=bool)
    elif _is_text(column.type):
        found = _known(pc.is_in(column, pa.array(like, column.type)))
    else:
        found = np.isin(column.to_numpy(), like)  # for Arrow's `is_in`, -0.0 is not 0.0
    return found if inside else ~found & _known(column.is_valid())


def _is_like(kind: pa.DataType, value: str | float) -> bool:
    return _is_text(kind) if isinstance(value, str) else bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _in_one_form(node: ast.expr, records: pa.Table) -> pa.Table:
    """The records with the texts that a filter names in NFC, which an index of an earlier version may lack."""
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    for place, field in enumerate(records.schema):
        if field.name in names and _is_text(field.type):  # once, however often it is compared
            column = pc.utf8_normalize(records[field.name], form="NFC")
            records = records.set_column(place, field, column)
    return records


def _known(mask: pa.ChunkedArray) -> np.ndarray:
    """An Arrow mask with unknown as false."""
    return mask.fill_null(False).to_numpy().astype(bool, copy=False)


def _column(node: ast.Name, records: pa.Table) -> pa.ChunkedArray:
    if node.id not in records.column_names:
        near = difflib.get_close_matches(node.id, records.column_names, n=1)
        known = [name for name in records.column_names if not name.startswith(_FOLDED)]
        hint = f" Did you mean {near[0]!r}?" if near else f" The fields are {', '.join(known)}."
        raise QueryError(f"no record has a field {node.id!r}.{hint}")
    return records[node.id]


def _constant(node: ast.expr) -> str | float:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1, node.operand
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, str) and sign == 1:
        value.encode()  # half of a surrogate pair, which no field holds and Arrow does not take, is no text
        return unicodedata.normalize("NFC", value)
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and value <= MAX_WHOLE):
        return sign * value
    raise _refused(node)


def _refused(node: ast.AST) -> QueryError:
    text = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
    return QueryError(
        f"a filter cannot hold `{text}`; it takes == != < <= > >=, in (...), 'text' in field, and, or, not, "
        "brackets, texts and numbers."
    )
