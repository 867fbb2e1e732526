import numpy as np
import pytest
import torch

from artextract_hf.errors import DataError
from artextract_hf.evaluation.uncertainty.open_set import (
    FOLDS,
    STEPS,
    distances,
    fit_typical,
    held_out_distances,
    quantiles,
    separation,
)

RNG = np.random.default_rng(0)
MIXING = RNG.normal(size=(6, 6))


def paintings(count: int) -> np.ndarray:
    return (RNG.normal(size=(count, 6)) @ MIXING + 3).astype(np.float32)


def test_distances_are_mahalanobis_ones_of_the_distribution():
    typical = fit_typical(paintings(20_000))
    some = paintings(50)
    exact = np.sqrt((((some - 3) @ np.linalg.inv(MIXING)) ** 2).mean(axis=1))
    np.testing.assert_allclose(distances(typical, some), exact, rtol=0.05)
    assert not any(tensor.requires_grad for tensor in typical.state_dict().values())


def test_the_whitened_paintings_have_no_direction_of_their_own():
    some = paintings(5000)
    typical = fit_typical(some)
    white = (torch.from_numpy(some) - typical.mean) @ typical.whitening
    np.testing.assert_allclose(np.cov(white.numpy().T), np.eye(6), atol=0.05)


def test_a_channel_that_never_changes_leaves_distances_finite():
    some = paintings(100)
    some[:, 2] = 1
    other = some[:2] + np.eye(6, dtype=np.float32)[2]
    far = distances(fit_typical(some), np.concatenate([some, other]))
    assert np.isfinite(far).all() and far[-2:].min() > far[:-2].max()


def test_each_held_out_painting_is_measured_by_others_only():
    learnt, held_out = paintings(60), paintings(40)
    held_out[7] += 100  # pulls the average to itself, where it takes part
    found = held_out_distances(learnt, held_out)
    alone = distances(fit_typical(np.concatenate([learnt, held_out])), held_out)
    assert found[7] > 3 * alone[7]
    np.testing.assert_array_equal(found, held_out_distances(learnt, held_out))
    fold = np.random.default_rng(0).permutation(40) % FOLDS
    others = np.concatenate([learnt, held_out[fold != fold[7]]])
    assert found[7] == pytest.approx(distances(fit_typical(others), held_out[7:8])[0], rel=1e-5)


def test_too_few_paintings_are_refused():
    with pytest.raises(DataError, match="19 paintings do not tell"):
        fit_typical(paintings(19))


def test_what_is_kept_ascends_from_the_least_to_the_largest():
    kept = quantiles(np.array([3.0, 1.0, 2.0]))
    assert len(kept) == STEPS + 1 and kept == sorted(kept)
    assert (kept[0], kept[STEPS // 2], kept[-1]) == (1.0, 2.0, 3.0)


def test_separation_by_hand():
    inside, outside = np.arange(20.0), np.array([18.5, 30.0, 0.5, 19.5])
    # 95 % of 0..19 lie up to 18.05; of the 80 pairs, 18.5 is beyond 19, 30 beyond 20, 0.5 beyond 1, 19.5 beyond 20
    assert separation(inside, outside) == {"n": 4, "auroc": 0.75, "fpr95": 0.25}
