"""What is searched for, as vectors: pictures in any form, unit vectors, texts, and examples of all of them."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.embedders.protocol import Embedder
from artextract_hf.errors import ImageError, QueryError
from artextract_hf.retrieval.embed import DECODED_SIDE

UNLIKE_WEIGHT = 0.5  # of the counterexamples: below 1, so that they turn an answer but never lead it
SMALLEST = 1e-6  # length below which a mean of vectors has no direction
# an address, an absolute path, a path without a space, or an ending of three or four letters
LIKE_A_FILE = re.compile(r"\w+://|[/~.]|\S*[/\\]\S*$|.*\.[a-zA-Z]\w{2,3}$", re.DOTALL)

Query = ImageSource | np.ndarray  # a str may also be a text


def read_queries(queries: Sequence[Query], embedder: Callable[[], Embedder], dim: int) -> np.ndarray:
    """Vectors (Q, dim) float32 of queries; the pictures are embedded in one batch, and so are the texts.

    Args:
        queries: in any form.
        embedder: gives the embedder; called only where something is to be embedded.
        dim: length of its vectors.

    Raises:
        ImageError: a query is no picture, and no text that this embedder reads.
        QueryError: a vector of another length.
    """
    vectors = np.empty((len(queries), dim), dtype=np.float32)
    kinds = ["vector" if is_vector(query, dim) else _kind(query) for query in queries]
    for row, (query, kind) in enumerate(zip(queries, kinds, strict=True)):
        if kind == "vector":
            vector = np.asarray(query).reshape(-1)
            if len(vector) != dim or vector.dtype.kind not in "fiu":
                raise QueryError(f"the index holds vectors of {dim} numbers, not of {len(vector)} ({vector.dtype}).")
            with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as that
                vectors[row] = vector
    for kind, embed in (("picture", _embed_pictures), ("text", _embed_texts)):
        if rows := [row for row, found in enumerate(kinds) if found == kind]:
            vectors[rows] = embed([queries[row] for row in rows], embedder())
    return vectors


def listed(queries: Any) -> list[Query]:
    """Several queries as a list: of arrays (N, dim) or (N, H, W, 3) the rows.

    Raises:
        QueryError: it is a single query, or none.
    """
    is_one = isinstance(queries, str | bytes | Path | Image.Image) or getattr(queries, "ndim", 0) in (1, 3)
    if is_one or not isinstance(queries, Iterable):
        raise QueryError(f"several queries come as a list, as in [query]; this is a {type(queries).__name__}.")
    return list(queries)


def is_vector(query: Query, dim: int) -> bool:
    """Whether a query is a vector, or one in a row (1, dim), as `embed` gives it; other arrays are pictures.

    Raises:
        QueryError: it is several vectors (n, dim): rows of length 1, as no picture has them.
    """
    if not isinstance(query, np.ndarray) or query.ndim != 2 or query.dtype.kind != "f" or query.shape[1] != dim:
        return isinstance(query, np.ndarray) and query.ndim == 1
    if len(query) > 1 and np.allclose(np.linalg.norm(query, axis=1), 1, atol=1e-3):
        raise QueryError(f"the query is {len(query)} vectors; give one, or all of them to search_many.")
    return len(query) == 1


def is_text(query: Query) -> bool:
    """Whether a query is words: a string that is no file or folder, and does not look like the name of one."""
    return _kind(query) == "text"


def combine(like: np.ndarray, unlike: np.ndarray) -> np.ndarray:
    """One query (dim,) of length 1 from examples and counterexamples, after Rocchio (1971):

        q = mean(like) - UNLIKE_WEIGHT * mean(unlike)

    A single example gives itself; a counterexample that is also the only example changes nothing.

    Args:
        like: (L, dim), L >= 1, unit rows.
        unlike: (U, dim), unit rows; may be empty.

    Raises:
        QueryError: the examples cancel each other out.
    """
    query = like.mean(axis=0)
    if len(unlike):
        query = query - UNLIKE_WEIGHT * unlike.mean(axis=0)
    length = float(np.linalg.norm(query))
    if length < SMALLEST:
        raise QueryError("these examples and counterexamples cancel each other out; leave some out.")
    return (query / length).astype(np.float32)


def _kind(query: Query) -> str:
    if not isinstance(query, str) or LIKE_A_FILE.match(query):
        return "picture"
    try:
        is_picture = Path(query).exists()
    except (OSError, ValueError):  # longer than the name of a file can be, or with a character that none has
        is_picture = False
    return "picture" if is_picture else "text"


def _embed_pictures(pictures: list[Any], embedder: Embedder) -> np.ndarray:
    """Pictures decoded as an index decodes them; a network decodes its own, many at a time and few in memory."""
    if getattr(embedder, "decodes_many", False):  # its class is not asked for here: it would import torch
        return embedder.embed(pictures)
    return embedder.embed([decode_image(picture, min_side=DECODED_SIDE) for picture in pictures])


def _embed_texts(texts: list[Any], embedder: Any) -> np.ndarray:
    if not hasattr(embedder, "embed_text"):
        name = getattr(embedder, "name", type(embedder).__name__)
        raise ImageError(
            f"{texts[0]!r} does not exist or is not a file, and the embedder {name!r} reads no texts; give a picture, "
            "or ask an index made by CLIP or SigLIP."
        )
    vectors: np.ndarray = embedder.embed_text(texts)
    return vectors
