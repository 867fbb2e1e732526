"""Which FAISS index holds the vectors, and what each kind of index needs.

    flat     exact: every vector is compared, as float32
    sq       every vector is compared, as 8-bit numbers
    rabitq   one bit a number (Gao and Long 2024, arXiv:2405.12497); in inverted lists from 262,144 vectors on
    hnsw     a graph of neighbours (Malkov and Yashunin 2016, arXiv:1603.09320) over float32 vectors
    ivf      inverted lists of float32 vectors (Sivic and Zisserman 2003); they lie in it a second time
    ivfpq    inverted lists of product-quantised vectors (Jegou et al. 2011), the smallest
    auto     flat while that is fast, then rabitq

Any other name is read as a FAISS factory string, such as `IVF256,SQ8` or `OPQ32,IVF1024,PQ32`, of the kinds whose files
`faiss_file.py` can check: `SPEC` has their grammar.
"""

import difflib
import math
import re
from typing import Any

import faiss
import numpy as np

from artextract_hf.errors import QueryError
from artextract_hf.retrieval.vectors.faiss_index import inverted_lists

NAMES = ("auto", "flat", "hnsw", "ivf", "ivfpq", "rabitq", "sq")
FLAT_FLOATS = 2**24  # 64 MB; reading as much takes about 5 ms, so exact search is as good as instant
RABITQ_LISTS_FROM = 2**18  # vectors; below, a scan of all one-bit codes takes milliseconds and needs no centroids
MAX_LISTS = 4096  # more take minutes to train, and lists of a few thousand codes are read in a moment
TRAIN_PER_LIST = 39  # the fewest points a centroid for which FAISS does not warn
KMEANS_STEPS = 6  # FAISS's default of 10 would add as much again to most of the time that building takes
MOST_BITS = 12  # of one code of a product quantiser; each further bit doubles its memory
_CODES = r"Flat|SQ(4|6|8|fp16|bf16)|PQ\d+(x\d+(fs)?)?|RaBitQ(fs)?\d?"
SPEC = re.compile(rf"((PCA[WR]*|OPQ|RR)\d+(_\d+)?,)?((IVF\d+(_HNSW\d+)?,)?({_CODES})|HNSW\d+([,_]({_CODES}))?)")
SEED = 0
RECALL_TARGET = 0.97  # of the ten nearest, on the index's own vectors: a margin to 0.95 on others
TUNING_QUERIES = 100


def resolve(factory: str, count: int, dim: int) -> tuple[str, str]:
    """Name of the factory, `auto` decided, and its FAISS factory string for so many vectors of this length.

    Raises:
        QueryError: a factory that is no text, or `ivfpq` with fewer than 256 vectors, which its codebooks need.
    """
    if not isinstance(factory, str):
        raise QueryError(f"there is no factory {factory!r}; the factories are {', '.join(NAMES)}.")
    if factory == "auto":
        factory = "flat" if count * dim <= FLAT_FLOATS else "rabitq"
    lists = number_of_lists(count)
    if factory == "ivfpq" and count < 256:
        raise QueryError(f"ivfpq learns 256 codes from the vectors and got {count} of them; take flat for so few.")
    bytes_a_code = max(m for m in range(1, 65) if dim % m == 0 and m <= max(1, dim // 4))
    specs = {
        "flat": "Flat",
        "hnsw": "HNSW32",
        "ivf": f"IVF{lists},Flat",
        "ivfpq": f"IVF{lists},PQ{bytes_a_code}",
        "rabitq": "RaBitQ" if count < RABITQ_LISTS_FROM else f"IVF{lists},RaBitQ",
        "sq": "SQ8",
    }
    return factory, specs.get(factory, factory)


def number_of_lists(count: int) -> int:
    """A power of two near 4 sqrt(N), as the FAISS wiki advises, and fewer where too few vectors could train them."""
    wanted = 2 ** round(math.log2(4 * math.sqrt(max(count, 1))))
    return min(wanted, MAX_LISTS, 2 ** int(math.log2(max(count // TRAIN_PER_LIST, 1))))


def make_index(spec: str, count: int, dim: int, metric: int) -> faiss.Index:
    """An empty FAISS index.

    Raises:
        QueryError: FAISS does not know the factory string, or it does not suit the vectors.
    """
    numbers = [int(number) for number in re.findall(r"\d+", spec)]
    if 0 in numbers or re.search(r"HNSW0*1(?!\d)", spec):  # FAISS divides by them, and the process ends
        raise QueryError(
            f"the factory {spec!r} has a number too small; a graph has at least 2 neighbours, as in HNSW32."
        )
    largest = max(numbers, default=0)
    if largest > max(count, dim, 256):  # FAISS would reserve the memory for it, and the process could be killed
        raise QueryError(f"the factory {spec!r} has a {largest}, too large for {count} vectors of length {dim}.")
    if any(int(bits) > MOST_BITS for bits in re.findall(r"x(\d+)", spec)):
        raise QueryError(f"the factory {spec!r} has codes of more than {MOST_BITS} bits.")
    if re.search("IDMap|Refine|RFlat", spec):
        raise QueryError(f"the factory {spec!r} numbers or refines the vectors, which is done already; leave it out.")
    try:
        if not SPEC.fullmatch(spec):
            raise ValueError(spec)
        return faiss.index_factory(dim, spec, metric)
    except (RuntimeError, ValueError, OverflowError, MemoryError):
        near = difflib.get_close_matches(spec, NAMES, n=1)
        hint = f" did you mean {near[0]!r}?" if near else ""
        raise QueryError(
            f"there is no factory {spec!r} for vectors of length {dim};{hint} the factories are {', '.join(NAMES)}, "
            "or a FAISS factory string of flat, SQ, PQ or RaBitQ codes, in inverted lists or a graph."
        ) from None


def train(index: faiss.Index, vectors: np.ndarray) -> None:
    """Learn what the index learns, from a sample of the vectors that is the same every time.

    Raises:
        QueryError: too few vectors.
    """
    if index.is_trained:
        return
    wanted = 64 * 1024
    if lists := inverted_lists(index):
        lists.cp.niter, lists.cp.min_points_per_centroid = KMEANS_STEPS, 1
        wanted = max(wanted, TRAIN_PER_LIST * lists.nlist)
    coded: Any = lists or index
    if hasattr(coded, "do_polysemous_training"):  # product quantisers
        coded.pq.cp.niter, coded.pq.cp.min_points_per_centroid = KMEANS_STEPS, 1
        coded.do_polysemous_training = False  # minutes of annealing, for a search that is never asked for
    sample = np.sort(np.random.default_rng(SEED).permutation(len(vectors))[:wanted])
    try:
        index.train(np.ascontiguousarray(vectors[sample]))
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].split("Error: ")[-1]
        raise QueryError(f"the index cannot learn from {len(vectors)} vectors: {reason}") from None


def candidates_per_answer(spec: str) -> int:
    """How many candidates to score exactly for each answer, so that the codes lose no answer.

    With 20, one bit a number keeps 99.7 % of the ten nearest of 50,000 embeddings of paintings
    (`benchmarks/search/index_small.py`); finer codes need fewer, product quantisers more, and float32 vectors that
    no projection has changed none.
    """
    if re.fullmatch(r"Flat|HNSW\d*([,_]Flat)?|IVF\d+(_HNSW\d+)?,Flat", spec):
        return 1
    if "PCA" in spec:  # it leaves numbers out, however fine the codes of the others are
        return 100
    if re.search(r"SQ(8|fp16|bf16)|RaBitQ(fs)?[2-9]", spec):
        return 4
    return 20 if re.search("SQ|RaBitQ", spec) else 100


def reason(spec: str, count: int, dim: int, recall: float) -> str:
    """Why `auto` chose it, in one sentence."""
    whole = f"{count:,} vectors of length {dim} take {count * dim * 4 / 1e6:,.0f} MB"
    if spec == "Flat":
        return f"{whole}, at most {FLAT_FLOATS * 4 / 1e6:.0f} MB, which exact search reads in milliseconds."
    codes = count * (dim / 8 + 8 + 8 * spec.startswith("IVF")) / 1e6
    return (
        f"{whole}, too much to read for every query; one bit a number takes {codes:,.0f} MB in memory, and finds "
        f"{recall:.1%} of the ten nearest of {TUNING_QUERIES} of the vectors (asked for: {RECALL_TARGET:.0%})."
    )
