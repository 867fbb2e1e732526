"""JSON and YAML documents that somebody else may have written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from artextract_hf.errors import ArtExtractError, DataError, first_line

MOST_BYTES = 2**26  # of a description; Python takes up to thirty times as much for it


def read_document(
    path: Path, refused: Callable[[str], ArtExtractError], *, most: int | None = MOST_BYTES
) -> dict[str, Any]:
    """A JSON object from a file.

    Args:
        path: of the file.
        refused: makes the error from the reason, which is one line and begins with the path.
        most: bytes that the file may have; None for any number.

    Raises:
        ArtExtractError: what `refused` makes, where there is no such file, or it holds something else.
    """
    document = read_json(path, refused, most=most)
    if not isinstance(document, dict):
        raise refused(f"{path} is damaged: it holds no JSON object.")
    return document


def read_json(path: Path, refused: Callable[[str], ArtExtractError], *, most: int | None = MOST_BYTES) -> Any:
    """A JSON value from a file; arguments and errors are those of `read_document`."""
    try:
        if not path.exists():
            raise refused(f"{path} is missing.")
        if not path.is_file():  # a device never ends
            raise refused(f"{path} is no file.")
        if most is not None and path.stat().st_size > most:
            raise refused(f"{path} has {path.stat().st_size:,} bytes; such a document has at most {most:,}.")
        text = path.read_text(encoding="utf-8")
        value = json.loads(text, parse_constant=_refuse_constant)
        if "\\ud" in text.lower():  # half of a surrogate pair alone is a text that can never be written
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except ArtExtractError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise refused(f"{path} is damaged: {first_line(error)}") from None


def json_text(document: Any) -> str:
    """A document as a file for people and programs holds it: indented, letters as they are, with an end of line."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


class PlainYaml(yaml.SafeLoader):
    """YAML of plain values, of which a key stands once in a mapping; PyYAML itself takes the last, and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node.

        Raises:
            DataError: a key is given twice.
        """
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise DataError(f"{twice[0]} is given twice")
        return super().construct_mapping(node, deep)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number.")
