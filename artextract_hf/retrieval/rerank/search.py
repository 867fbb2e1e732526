"""A search with re-ranking: the first answers of a deeper search, in the order that a re-ranker gives them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from PIL import Image

from artextract_hf.data.decode import decode_image
from artextract_hf.embedders.protocol import Embedder, dense
from artextract_hf.errors import QueryError
from artextract_hf.retrieval.queries import Query, is_text, is_vector
from artextract_hf.retrieval.rerank.rerankers import Candidates, Probe, find_reranker, rerank
from artextract_hf.retrieval.snapshot import Hit, SearchOptions


class Source(Protocol):
    """What is searched: a `Snapshot`, or a table of a database."""

    def search(self, vectors: np.ndarray, options: SearchOptions) -> list[list[Hit]]:
        """The hits of each query (Q, dim), best first."""
        ...

    def candidates(self, vector: np.ndarray, hits: Sequence[Hit]) -> Candidates:
        """The hits of a query (dim,) as re-ranking reads them."""
        ...

    def thumbnails(self, ids: Sequence[str]) -> list[Image.Image]:
        """The small pictures of these paintings."""
        ...


def search_reranked(
    source: Source,
    queries: Sequence[Query],
    vectors: np.ndarray,
    options: SearchOptions,
    *,
    name: str,
    embedder: Callable[[], Embedder],
) -> list[list[Hit]]:
    """The hits of each query in the order of a re-ranker; they keep the scores of the search.

    Args:
        source: what is searched.
        queries: as they were given.
        vectors: (Q, dim), of the queries.
        options: of the search.
        name: of the re-ranker.
        embedder: gives the embedder; called only where feature maps are compared.

    Raises:
        QueryError: no re-ranker has this name, or it compares pictures and a query is none.
        ModelError: it compares feature maps, and the embedder gives none.
    """
    reranker = find_reranker(name)
    answers = source.search(vectors, replace(options, k=max(options.k, reranker.depth)))
    reordered = []
    for query, vector, hits in zip(queries, vectors, answers, strict=True):
        probe, candidates = Probe(vector), source.candidates(vector, hits)
        if reranker.needs_maps:
            maps = _maps_of(query, len(vector), source, hits, embedder)
            probe, candidates = replace(probe, feature_map=maps[0]), replace(candidates, maps=maps[1:])
        order = rerank(name, probe, candidates)[: options.k].tolist()
        reordered.append([replace(hits[place], rank=rank) for rank, place in enumerate(order, 1)])
    return reordered


def _maps_of(
    query: Query, dim: int, source: Source, hits: Sequence[Hit], embedder: Callable[[], Embedder]
) -> np.ndarray:
    """Feature maps (1 + n, C, h, w): of the query, then of the small pictures of these hits."""
    if is_text(query) or is_vector(query, dim):
        raise QueryError("this re-ranking compares pictures; the query is none.")
    pictures = [decode_image(query), *source.thumbnails([hit.id for hit in hits])]
    return dense(embedder()).maps(pictures)
