import pytest
import torch

from artextract_hf.models.sequence import ORDERS, by_columns, to_map, to_sequence

SPATIAL = [order for order in ORDERS if order != "channels"]


def test_orders_by_hand():
    grid = torch.arange(6.0).view(1, 1, 2, 3)  # 0 1 2 / 3 4 5
    assert to_sequence(grid, "row_major").flatten().tolist() == [0, 1, 2, 3, 4, 5]
    assert to_sequence(grid, "boustrophedon").flatten().tolist() == [0, 1, 2, 5, 4, 3]
    assert to_sequence(grid, "channels").shape == (1, 1, 6)
    rows = to_sequence(grid, "rows_and_columns")
    assert rows.flatten().tolist() == [0, 1, 2, 3, 4, 5]
    assert by_columns(rows, 2, 3).flatten().tolist() == [0, 3, 1, 4, 2, 5]


def test_columns_and_back():
    sequence = torch.randn(2, 12, 5)
    assert torch.equal(by_columns(by_columns(sequence, 3, 4), 4, 3), sequence)


@pytest.mark.parametrize("order", SPATIAL)
def test_attention_returns_to_the_place_it_came_from(order):
    """A planted patch at row 1, column 0 is where its weight must be drawn."""
    features = torch.zeros(1, 4, 3, 5)
    features[0, :, 1, 0] = 1
    weights = to_sequence(features, order).sum(2)[:, None]  # as if attention were the patch itself
    assert to_map(weights, 3, 5, order)[0, 0].argmax().item() == 1 * 5 + 0
