"""The `where` of a search: comparisons of a record's fields, parsed into a mask, never evaluated as code.

    artist_name == 'Claude Monet' and year >= 1870 and not (genre in ('portrait', 'still_life'))

Allowed are `== != < <= > >=`, `in (...)`, `not in (...)`, `and`, `or`, `not`, brackets, texts and numbers. A comparison
with an unknown value is false.
"""

import ast
import difflib
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from artextract_hf.errors import QueryError

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
MAX_LENGTH = 2000  # characters; the parser's recursion is bounded by it


def parse_where(where: str, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """The records for which `where` holds, as a boolean mask (N,).

    Args:
        where: the expression.
        columns: by field name, an object array (N,) of texts or numbers, None where unknown.

    Raises:
        QueryError: not such an expression, or a field that no record has.
    """
    if len(where) > MAX_LENGTH:
        raise QueryError(f"the filter is longer than {MAX_LENGTH} characters.")
    try:
        tree = ast.parse(where.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise QueryError(
            f"cannot read the filter {where!r}; an example: year >= 1870 and genre == 'portrait'"
        ) from None
    return _mask(tree.body, columns)


def _mask(node: ast.expr, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    if isinstance(node, ast.BoolOp):
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return join.reduce([_mask(value, columns) for value in node.values])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return ~_mask(node.operand, columns)
    if isinstance(node, ast.Compare):
        return _chain(node, columns)
    raise _refused(node)


def _chain(node: ast.Compare, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """`a < b <= c` is `a < b and b <= c`, as in Python."""
    sides = [node.left, *node.comparators]
    parts = [_comparison(a, op, b, columns) for a, op, b in zip(sides, node.ops, sides[1:], strict=False)]
    return np.logical_and.reduce(parts)


def _comparison(left: ast.expr, op: ast.cmpop, right: ast.expr, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    if isinstance(op, ast.In | ast.NotIn):
        if not isinstance(left, ast.Name) or not isinstance(right, ast.Tuple | ast.List | ast.Constant):
            raise _refused(left)
        values = [_constant(v) for v in (right.elts if isinstance(right, ast.Tuple | ast.List) else [right])]
        found = [v is not None and (v in values) == isinstance(op, ast.In) for v in _column(left, columns)]
        return np.array(found, dtype=bool)
    if isinstance(left, ast.Name) and not isinstance(right, ast.Name):
        return (
            _compare(_column(left, columns), _COMPARE[type(op)], _constant(right)) if type(op) in _COMPARE else _no(op)
        )
    if isinstance(right, ast.Name) and not isinstance(left, ast.Name) and type(op) in _COMPARE:
        mirrored = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}.get(type(op), type(op))
        return _compare(_column(right, columns), _COMPARE[mirrored], _constant(left))
    raise QueryError("a comparison in a filter has a field on one side and a text or number on the other.")


def _no(op: ast.cmpop) -> np.ndarray:
    raise _refused(op)


def _compare(column: np.ndarray, compare: Callable[[Any, Any], Any], value: str | float) -> np.ndarray:
    kind = str if isinstance(value, str) else (int, float)
    if not any(isinstance(v, kind) for v in column) and any(v is not None for v in column):
        raise QueryError(f"the filter compares a field with {value!r}, but the field holds values of another kind.")
    return np.array([isinstance(v, kind) and bool(compare(v, value)) for v in column], dtype=bool)


def _column(node: ast.Name, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    if node.id not in columns:
        near = difflib.get_close_matches(node.id, columns, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else f" The fields are {', '.join(columns)}."
        raise QueryError(f"no record has a field {node.id!r}.{hint}")
    return columns[node.id]


def _constant(node: ast.expr) -> str | float:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        value = node.operand.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return -value
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str | int | float)
        and not isinstance(node.value, bool)
    ):
        return node.value
    raise _refused(node)


def _refused(node: ast.AST) -> QueryError:
    text = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
    return QueryError(
        f"a filter cannot hold `{text}`; it takes == != < <= > >=, in (...), and, or, not, brackets, texts and numbers."
    )
