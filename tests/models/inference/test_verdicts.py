"""Answers written by hand, and the sentence that each comes to."""

import pytest

from artextract_hf.models import verdicts


def classes(*scores: float) -> list[dict]:
    return [{"label": label, "score": score} for label, score in zip("abcde", scores, strict=False)]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"tasks": {"genre": classes(0.734, 0.2)}}, "probably a (73 %)"),
        ({"tasks": {"genre": classes(0.5, 0.5)}}, "probably a (50 %)"),
        ({"tasks": {"genre": classes(0.4, 0.3, 0.3)}}, "undecided between a and b"),
        ({"tasks": {"genre": classes(0.2, 0.2, 0.2)}}, "undecided between a, b and c"),
        ({"tasks": {"genre": classes(0.2, 0.1, 0.1, 0.1, 0.1)}}, "undecided; most likely a (20 %)"),
        ({"tasks": {"genre": classes(0.9)}, "set": {"genre": ["a", "b"]}}, "probably a (90 %), perhaps b"),
        ({"tasks": {"genre": classes(0.4, 0.3)}, "set": {"genre": ["b", "a"]}}, "undecided between a and b"),
        ({"tasks": {"genre": classes(0.6, 0.3)}, "set": {"genre": ["b"]}}, "most likely b (30 %)"),
        (
            {"tasks": {"genre": classes(0.4, 0.3, 0.1)}, "set": {"genre": list("bcde")}},
            "undecided; most likely b (30 %)",
        ),
        ({"tasks": {"genre": classes(0.9)}, "set": {"genre": ["a"]}}, "probably a (90 %)"),
        ({"tasks": {"genre": classes(0.4)}, "set": {"genre": ["a"]}}, "most likely a (40 %)"),
        ({"tasks": {"genre": classes(0.9)}, "set": {"genre": list("abcd")}}, "undecided; most likely a (90 %)"),
        ({"tasks": {"genre": classes(0.9)}, "set": {"genre": []}}, "none of the 10 genres I know is likely"),
        ({"tasks": {"genre": classes(0.9)}, "unknown": {"genre": 0.96}}, "none of the 10 genres I know is likely"),
        ({"tasks": {"genre": classes(0.9)}, "unknown": {"genre": 0.95}}, "probably a (90 %)"),
    ],
)
def test_each_answer_has_its_sentence(answer, sentence):
    assert verdicts(answer, {"genre": 10}) == {"genre": f"Genre: {sentence}"}


def test_names_of_classes_stand_in_the_sentence_as_words():
    answer = {"tasks": {"genre": [{"label": "religious_painting", "score": 0.4}, {"label": "portrait", "score": 0.4}]}}
    assert verdicts(answer, {"genre": 10}) == {"genre": "Genre: undecided between religious painting and portrait"}
