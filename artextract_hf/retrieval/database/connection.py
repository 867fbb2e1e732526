"""Connections to LanceDB, what is written to it, and its errors as ours."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from artextract_hf.data.fetch import is_address
from artextract_hf.errors import ArtExtractError, PaintingIndexError
from artextract_hf.extras import require

if TYPE_CHECKING:
    from lancedb import DBConnection

LONGEST_REASON = 300  # characters of LanceDB's own message


def connect(uri: "str | Path | DBConnection", *, create: bool = True) -> "DBConnection":
    """A connection to a database; one that is there already stays as it is.

    Args:
        uri: a folder, an address (`s3://`, `gs://`, `az://`, `db://`), or what `lancedb.connect` made of them.
        create: make a folder that is not there, as LanceDB does.

    Raises:
        ArtExtractError: LanceDB is not installed.
        PaintingIndexError: the database cannot be reached, is not there, or it is something else.
    """
    if not isinstance(uri, str | Path):
        if not hasattr(uri, "open_table"):
            raise PaintingIndexError(f"{uri!r} is no database; give a folder, an address, or a connection of LanceDB.")
        return uri
    lancedb = require("lancedb", extra="database")
    if not create and not is_address(str(uri)) and not Path(uri).is_dir():
        raise PaintingIndexError(f"there is no folder of a database at {uri}.")
    with as_user_error(f"the database {uri} cannot be reached"):
        # An interval of zero: a search sees what another process has just written.
        database: DBConnection = lancedb.connect(uri, read_consistency_interval=timedelta(0))
        return database


def check_table_name(name: object) -> None:
    """Refuse what is no text, before the work on what is to be in the table.

    Raises:
        PaintingIndexError: it is none.
    """
    if not isinstance(name, str):
        raise PaintingIndexError(f"a table is called by a text; got {name!r:.60}.")


def write_batches(
    write: Callable[[pa.RecordBatchReader], Any],
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    *,
    failure: str,
) -> Any:
    """Stream batches into the database. An error of the batches themselves is raised as it is.

    Args:
        write: takes a reader of the batches; its answer is given back.
        schema: of the batches.
        batches: made while they are written.
        failure: begins the message where the database refuses them.

    Raises:
        PaintingIndexError: the database refuses them.
    """
    errors: list[Exception] = []

    def watch() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except Exception as error:
            errors.append(error)
            raise

    try:
        with as_user_error(failure):
            return write(pa.RecordBatchReader.from_batches(schema, watch()))
    except PaintingIndexError:
        if errors:  # the engine has raised it again in words of its own
            raise errors[0] from None
        raise


@contextmanager
def as_user_error(failure: str) -> Iterator[None]:
    """LanceDB's errors, which are of many kinds and lengths, as a PaintingIndexError of one line.

    Args:
        failure: what could not be done; begins the message.
    """
    try:
        yield
    except ArtExtractError:
        raise
    except Exception as error:  # noqa: BLE001  (also a panic of its Rust, whose class cannot be imported)
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise PaintingIndexError(f"{failure}: {reason[:LONGEST_REASON]}") from None
