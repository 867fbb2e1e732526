import json

import numpy as np
import pytest
from datasets import Dataset

from artextract_hf.retrieval.calibration import FAR, MIN_OUTCOMES, MIN_QUERIES, Calibration, Curve, calibrate, fit_curve
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.vectors.store import VectorStore
from tests.retrieval.conftest import ColorEmbedder, paintings


def test_a_curve_finds_the_probabilities_that_made_the_pairs():
    rng = np.random.default_rng(0)
    scores = rng.uniform(-1, 1, 20_000)
    truth = ((scores + 1) / 2) ** 2
    curve = fit_curve(scores, rng.random(len(scores)) < truth)
    asked = np.linspace(-0.9, 0.9, 50)
    assert np.abs(curve(asked) - ((asked + 1) / 2) ** 2).max() < 0.06
    assert (np.diff(curve(np.linspace(-2, 2, 1000))) >= 0).all()
    assert curve(np.array([-9.0]))[0] == curve.probabilities[0] and curve(np.array([9.0]))[0] == curve.probabilities[-1]


def test_by_hand():
    """Two scores: of the lower a quarter has the same label, of the higher three quarters; a fall is levelled out."""
    scores = np.repeat([0.2, 0.6], 400)
    same = np.concatenate([np.arange(400) % 4 == 0, np.arange(400) % 4 > 0])
    curve = fit_curve(scores, same)
    assert curve(np.array([0.2, 0.4, 0.6])) == pytest.approx([0.25, 0.5, 0.75])
    assert fit_curve(scores, ~same)(np.array([0.2, 0.6])) == pytest.approx([0.5, 0.5])


def test_too_few_pairs_tell_nothing():
    scores = np.linspace(0, 1, 10 * MIN_OUTCOMES)
    assert fit_curve(scores, np.arange(len(scores)) < MIN_OUTCOMES - 1) is None
    assert fit_curve(scores, np.ones(len(scores), dtype=bool)) is None
    assert fit_curve(scores, np.arange(len(scores)) < MIN_OUTCOMES) is not None


def planted(classes: int = 8, each: int = 60, *, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (N, 32) about a direction a class, and the classes' names."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(classes, 32))
    vectors = np.repeat(centres, each, axis=0) + noise * rng.normal(size=(classes * each, 32))
    names = np.repeat([f"class {i}" for i in range(classes)], each).astype(object)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), names


def test_stated_probabilities_hold_for_new_queries():
    gallery, names = planted(noise=3.0)
    queries, truth = planted(noise=3.0, seed=1)
    store = VectorStore.build(gallery)
    calibration = calibrate(store, {"style": names})
    scores, rows = store.search(queries, 10)
    stated, same = calibration.curves["style"](scores), names[rows] == truth[:, None]
    assert 0.2 < same.mean() < 0.8
    for part in np.array_split(np.argsort(stated.ravel()), 5):
        assert abs(stated.ravel()[part].mean() - same.ravel()[part].mean()) < 0.08


def test_a_record_never_counts_as_its_own_neighbour():
    """Each vector alone in its direction: with itself left out, none has a neighbour of its class."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = np.array([f"class {i // 2}" for i in range(300)], dtype=object)  # pairs, unrelated in direction
    calibration = calibrate(VectorStore.build(vectors), {"artist": names})
    assert "artist" not in calibration.curves  # about one pair in 299 is the same: too few to tell
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    assert calibration.threshold == pytest.approx(np.quantile(cosines.max(axis=1), FAR), abs=1e-5)


def test_copies_do_not_hide_the_query_itself():
    """Twenty copies of one vector: the own row may be missing among the first eleven, and one answer is dropped."""
    vectors = np.concatenate([np.tile(np.eye(1, 8), (20, 1)), planted(noise=1.0)[0][:100, :8]]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert calibrate(VectorStore.build(vectors), {}).threshold is not None


def test_unknown_labels_take_no_part():
    gallery, names = planted(noise=3.0)
    half = names.copy()
    half[::2] = None
    everything = calibrate(VectorStore.build(gallery), {"style": names}).curves["style"]
    known = calibrate(VectorStore.build(gallery), {"style": half}).curves["style"]
    asked = np.linspace(0.2, 0.6, 20)
    assert np.abs(everything(asked) - known(asked)).max() < 0.12
    assert calibrate(VectorStore.build(gallery), {"style": np.full(len(names), None)}).curves == {}


def test_few_records_have_no_threshold():
    few = planted(noise=1.0)[0][: MIN_QUERIES - 1]
    assert calibrate(VectorStore.build(few), {}) == Calibration()


def test_json_round_trip():
    calibration = Calibration({"style": Curve(np.array([0.1, 0.5]), np.array([0.2, 0.9]))}, 0.3)
    again = Calibration.from_json(json.loads(json.dumps(calibration.as_json())))
    assert again.threshold == 0.3 and again.same(np.array([0.3])) == [{"style": pytest.approx(0.55)}]
    assert Calibration().same(np.zeros(2)) == [{}, {}]


def styled(count: int) -> Dataset:
    """Colours whose style is their strongest channel."""
    data = paintings(count)
    strongest = [int(np.asarray(record["image"]).mean(axis=(0, 1)).argmax()) for record in data]
    return data.remove_columns("style").add_column("style", strongest).cast_column("style", data.features["style"])


def test_an_index_states_what_it_knows(tmp_path):
    index = PaintingIndex.build(styled(200), ColorEmbedder())
    index.save_pretrained(tmp_path / "index")
    again = PaintingIndex.from_pretrained(tmp_path / "index", embedder=ColorEmbedder())
    query = np.array([1, 0, 0], dtype=np.float32)
    hit = again.search(query, k=1)[0]
    assert hit == index.search(query, k=1)[0]
    assert hit.same["style"] > 0.85 and set(hit.same) == {"artist", "style"}
    assert hit.same["artist"] == pytest.approx(1 / 3, abs=0.12)  # three artists, whatever the colour
    assert hit.good_match and again.threshold == index.threshold
    # Examples are another kind of query: nothing was measured on them.
    mixed = index.search_examples([query, np.array([0, 1, 0], dtype=np.float32)], k=1)[0]
    assert mixed.same == {} and mixed.good_match is None


def test_no_good_match_is_told():
    """A collection of reds, and a query in blue."""
    rng = np.random.default_rng(0)
    reds = paintings(80).map(lambda record: record)  # records to hang new pictures on
    from tests.conftest import plain_picture

    pictures = [plain_picture((230, int(g), int(b)), seed=i) for i, (g, b) in enumerate(rng.integers(0, 60, (80, 2)))]
    rows = [{**record, "image": picture} for record, picture in zip(reds, pictures, strict=True)]
    index = PaintingIndex.build(Dataset.from_list(rows, features=reds.features), ColorEmbedder())
    assert index.search(plain_picture((235, 30, 30)), k=1)[0].good_match is True
    assert index.search(plain_picture((20, 30, 230)), k=1)[0].good_match is False


def test_the_calibration_of_a_changed_index_is_measured_when_that_is_asked_for():
    index = PaintingIndex.build(paintings(60), ColorEmbedder())
    index.remove(["test/1"])
    changed = index._snapshot
    assert changed._calibration is None
    index.fit_calibration()
    assert changed._calibration is not None and index.calibration is changed._calibration
