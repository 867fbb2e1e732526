import numpy as np
import pytest

from artextract_hf.evaluation.calibration import TEMPERATURES, calibration_error, fit_temperature


def drawn(logits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels drawn with the very probabilities that the logits say (Gumbel's trick)."""
    return (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


def test_the_temperature_of_logits_that_are_too_sure_or_too_doubtful_is_found_again():
    rng = np.random.default_rng(0)
    logits = 2 * rng.normal(size=(20_000, 6))
    labels = drawn(logits, rng)
    assert calibration_error(labels, logits) < 0.01
    for temperature in (0.4, 2.5):
        askew = logits * temperature
        assert calibration_error(labels, askew) > 0.1
        assert fit_temperature(labels, askew) == pytest.approx(temperature, rel=0.03)


def test_the_error_is_the_gap_between_confidence_and_accuracy_by_bin():
    sure, even = np.log([0.9, 0.1]), np.log([0.55, 0.45])
    logits = np.array([sure, sure, even, sure, sure])
    labels = np.array([0, 1, 0, 1, -1])  # sure: one of three is right; hardly sure: the only one; and one not labelled
    assert calibration_error(labels, logits) == pytest.approx((3 * (0.9 - 1 / 3) + 1 * (1 - 0.55)) / 4)


def test_certainty_has_a_bin_and_nothing_labelled_has_no_error():
    assert calibration_error(np.array([0]), np.array([[100.0, 0.0]])) == pytest.approx(0)
    assert calibration_error(np.array([-1]), np.zeros((1, 3))) is None


def test_what_is_not_labelled_fits_no_temperature():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(200, 3))
    labels = drawn(logits, rng)
    more = np.vstack([logits, rng.normal(size=(50, 3))])
    unknown = np.full(50, -1)
    assert fit_temperature(np.concatenate([labels, unknown]), more) == fit_temperature(labels, logits)


@pytest.mark.parametrize("scale", [0.1, 1, 10, 100])
def test_answers_that_are_always_right_or_always_wrong_are_at_the_ends(scale):
    logits = scale * np.random.default_rng(2).normal(size=(4, 3))
    assert fit_temperature(logits.argmax(axis=1), logits) == pytest.approx(TEMPERATURES[0], rel=1e-3)
    assert fit_temperature(logits.argmin(axis=1), logits) == pytest.approx(TEMPERATURES[1], rel=1e-3)
