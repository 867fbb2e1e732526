"""Work in threads keeps order, passes errors on, and takes only a bounded number of items ahead."""

import threading
import time

import pytest

from artextract_hf.data.parallel import AHEAD, ordered_map


def test_order_is_kept_though_items_take_unlike_time():
    def wait(i):
        time.sleep(0.002 * (i % 3))
        return i * i

    assert list(ordered_map(wait, range(50), threads=4)) == [i * i for i in range(50)]


def test_only_a_bounded_number_of_items_is_taken_ahead():
    taken = []
    results = ordered_map(lambda i: i, (taken.append(i) or i for i in range(10_000)), threads=2)
    next(results)
    assert len(taken) <= 2 * AHEAD + 1
    results.close()


def test_the_number_taken_ahead_can_be_smaller():
    taken = []
    results = ordered_map(lambda i: i, (taken.append(i) or i for i in range(100)), threads=2, ahead=5)
    assert [next(results) for _ in range(10)] == list(range(10))
    assert len(taken) == 14
    results.close()


def test_an_error_reaches_the_caller_and_no_thread_is_left():
    def fail(i):
        if i == 3:
            raise ValueError("three")
        return i

    with pytest.raises(ValueError, match="three"):
        list(ordered_map(fail, range(1000), threads=2))
    assert threading.active_count() < 10
