"""What a classifier's answer comes to, in one plain sentence a task."""

from collections.abc import Mapping, Sequence
from typing import Any

from artextract_hf.data.labels import display_name
from artextract_hf.models.inference.open_set import RARE

HALF = 0.5  # probability from which a class is more likely than all others together
FEW = 3  # classes that a sentence names; of more, the first says enough


def verdicts(answer: Mapping[str, Any], known: Mapping[str, int]) -> dict[str, str]:
    """The sentence of each task.

    Classes that cannot be ruled out are those of its `set`; where there is none, the fewest that together have half of
    the probability.

    Args:
        answer: of `ArtAttributesPipeline`.
        known: how many classes each task has.

    >>> verdicts({"tasks": {"style": [{"label": "Baroque", "score": 0.73}]}}, {"style": 6})
    {'style': 'Style: probably Baroque (73 %)'}
    """
    return {task: f"{display_name(task)}: {_verdict(answer, task, known[task])}" for task in answer["tasks"]}


def _verdict(answer: Mapping[str, Any], task: str, known: int) -> str:
    scores = {found["label"]: found["score"] for found in answer["tasks"][task]}
    left = answer.get("set", {}).get(task)
    if answer.get("unknown", {}).get(task, 0) > 1 - RARE or left == []:
        return f"none of the {known} {task}s I know is likely"
    left = _first_half(answer["tasks"][task]) if left is None else sorted(left, key=lambda label: -scores.get(label, 0))
    best, score = left[0], scores.get(left[0], 0)
    sure = f"{in_a_sentence(best)} ({100 * score:.0f} %)"
    if len(left) == 1:
        return f"probably {sure}" if score >= HALF else f"most likely {sure}"
    if len(left) > FEW:
        return f"undecided; most likely {sure}"
    if score >= HALF:
        return f"probably {sure}, perhaps {' or '.join(map(in_a_sentence, left[1:]))}"
    *others, last = map(in_a_sentence, left)
    return f"undecided between {', '.join(others)} and {last}"


def _first_half(classes: Sequence[Mapping[str, Any]]) -> list[str]:
    """The first classes that together have half of the probability; all of these where that is not enough."""
    labels, covered = [], 0.0
    for found in classes:
        labels.append(found["label"])
        covered += found["score"]
        if covered >= HALF:
            break
    return labels


def in_a_sentence(class_name: str) -> str:
    """A class name within a sentence.

    >>> in_a_sentence("religious_painting"), in_a_sentence("Art_Nouveau")
    ('religious painting', 'Art Nouveau')
    """
    return class_name.replace("_", " ")
