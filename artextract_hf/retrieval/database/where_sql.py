"""The `where` of a search as SQL for a database, with the meaning that `filters.py` gives it.

    genre != 'portrait' or title == ''   ->   (COALESCE(`genre` <> 'portrait', false) OR COALESCE(`title` = '', false))

The text itself never reaches the database: `parse_where` has refused what is no filter, fields are those of the
records, values are written anew as quoted literals.
"""

import ast
import unicodedata

import pyarrow as pa

from artextract_hf.errors import QueryError
from artextract_hf.retrieval.filters import is_part, parse_where
from artextract_hf.retrieval.records import known_types

_SQL: dict[type[ast.cmpop], str] = {
    ast.Eq: "=",
    ast.NotEq: "<>",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
MAX_DEPTH = 8  # of `and` and `or` inside each other; DataFusion's parser gives up at about twenty brackets


def sql_where(where: str, fields: pa.Schema) -> str:
    """A filter as a condition in the SQL of DataFusion, which LanceDB speaks.

    Unknown values are nulls. A comparison with one is false here, not null, so that `not` means the same in both.

    Args:
        where: the expression.
        fields: names and types of the records' fields; those that are neither texts nor numbers cannot be compared.

    Raises:
        QueryError: not a filter, a field that no record has, `in` for a part of a text, or more than MAX_DEPTH levels
            of `and` and `or`.
    """
    fields = known_types(fields)
    examples = {field.name: pa.nulls(1, field.type) for field in fields if _is_comparable(field.type)}
    parse_where(where, pa.table(examples))  # on one record, for its refusals: they are the same for all
    return _condition(ast.parse(where.strip(), mode="eval").body, fields, negated=False, depth=0)


def sql_literal(value: str | float) -> str:
    """A text or a number as SQL; a backslash means nothing special, a quote is doubled."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"CAST('{value!r}' AS DOUBLE)" if isinstance(value, float) else str(value)


def _condition(node: ast.expr, fields: pa.Schema, *, negated: bool, depth: int) -> str:
    """`not` moves down to the comparisons, after De Morgan."""
    if isinstance(node, ast.UnaryOp):
        return _condition(node.operand, fields, negated=not negated, depth=depth)
    if isinstance(node, ast.BoolOp):
        if depth == MAX_DEPTH:
            raise QueryError(f"the filter nests `and` and `or` more than {MAX_DEPTH} deep; a database takes no more.")
        parts = [_condition(value, fields, negated=negated, depth=depth + 1) for value in node.values]
        return _joined(parts, every=isinstance(node.op, ast.And) != negated)
    assert isinstance(node, ast.Compare)  # parse_where lets nothing else through
    sides = [node.left, *node.comparators]
    parts = [_comparison(a, op, b, fields) for a, op, b in zip(sides, node.ops, sides[1:], strict=False)]
    return _joined([f"(NOT {part})" if negated else part for part in parts], every=not negated)


def _joined(parts: list[str], *, every: bool) -> str:
    return parts[0] if len(parts) == 1 else "(" + (" AND " if every else " OR ").join(parts) + ")"


def _comparison(left: ast.expr, op: ast.cmpop, right: ast.expr, fields: pa.Schema) -> str:
    """True or false, never null; false of a field that has no type, since no record knows a value of it."""
    if any(pa.types.is_null(fields.field(side.id).type) for side in (left, right) if isinstance(side, ast.Name)):
        return "false"
    if isinstance(op, ast.In | ast.NotIn) and is_part(left, right):
        raise QueryError("a database compares whole texts; it cannot look for a part of one.")
    if isinstance(op, ast.In | ast.NotIn):
        return _member(left, op, right, fields)
    sides = [_side(left, right, fields), _side(right, left, fields)]
    return f"COALESCE({sides[0]} {_SQL[type(op)]} {sides[1]}, false)"


def _member(left: ast.expr, op: ast.In | ast.NotIn, right: ast.expr, fields: pa.Schema) -> str:
    column, kind = _column(left, fields)
    values = ast.literal_eval(right)
    values = values if isinstance(values, tuple | list) else [values]
    like = [sql_literal(_as(kind, value)) for value in values if isinstance(value, str) == _is_text(kind)]
    if not like:  # SQL has no empty list
        return "false" if isinstance(op, ast.In) else f"{column} IS NOT NULL"
    return f"COALESCE({column} {'IN' if isinstance(op, ast.In) else 'NOT IN'} ({', '.join(like)}), false)"


def _side(node: ast.expr, other: ast.expr, fields: pa.Schema) -> str:
    if isinstance(node, ast.Name):
        return _column(node, fields)[0]
    return sql_literal(_as(_column(other, fields)[1], ast.literal_eval(node)))


def _column(node: ast.expr, fields: pa.Schema) -> tuple[str, pa.DataType]:
    """A field as SQL, and its type. Numbers are compared as doubles: Lance refuses 1870.5 or 2**40 beside an int32."""
    assert isinstance(node, ast.Name)
    kind = fields.field(node.id).type
    return (f"`{node.id}`" if _is_text(kind) else f"CAST(`{node.id}` AS DOUBLE)"), kind


def _as(kind: pa.DataType, value: str | float) -> str | float:
    return unicodedata.normalize("NFC", str(value)) if _is_text(kind) else float(value)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_comparable(kind: pa.DataType) -> bool:
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return bool(number or _is_text(kind) or pa.types.is_null(kind))
