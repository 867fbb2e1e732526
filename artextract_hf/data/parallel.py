"""Work on many files at once without holding all of them, on the cores that are there."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 64  # items in work or waiting for each thread; memory does not grow with their number


def usable_cores() -> int:
    """The cores this process may run on: a scheduler, or a test beside others, may have given it a few only."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    threads: int | None = None,
    ahead: int | None = None,
) -> Iterator[Result]:
    """`map` in threads, in order; unlike `Executor.map` it takes only a bounded number of items ahead.

    Args:
        function: called in the threads.
        items: read in the caller's thread.
        threads: one for each usable core by default.
        ahead: items in work or waiting; AHEAD for each thread by default. Large results want fewer.
    """
    threads = threads or usable_cores()
    ahead = ahead or AHEAD * threads
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
