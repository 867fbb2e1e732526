import time

from benchmarks.quick import Ratio, measure, slower_than


def test_a_ratio_is_the_peers_time_by_ours():
    found = measure("sleep", lambda: time.sleep(0.002), lambda: time.sleep(0.01))
    assert 1 < found.low <= found.ratio <= found.high and found.ratio > 2 and found.ours_ms >= 2


def test_a_part_is_slower_where_its_best_round_is_below_the_worst_stored():
    stored = {"a": {"low": 2.0}, "b": {"low": 2.0}, "gone": {"low": 9.0}}
    found = {name: Ratio("peer", 1.8, 1.5, high, 1.0) for name, high in (("a", 1.9), ("b", 2.1), ("new", 0.1))}
    assert slower_than(stored, found) == ["a: at best 1.9, stored at worst 2.0"]
