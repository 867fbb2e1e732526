"""The figures as modules of the library `evaluate`, one file each, which it loads by their path.

The functions of this stage compute the figures; a module says what goes in and what comes out. `artextract publish
metric` pushes one to the Hub.
"""

from pathlib import Path

from artextract_hf.errors import DataError

METRIC_NAMES = ("painting_classification", "painting_retrieval", "index_recall")


def metric_path(name: str) -> str:
    """The file of a module, for `evaluate.load(metric_path("painting_classification"))`.

    Args:
        name: one of METRIC_NAMES.

    Raises:
        DataError: there is no such module.
    """
    if name not in METRIC_NAMES:
        raise DataError(f"there is no metric {name!r}; the metrics are {', '.join(METRIC_NAMES)}.")
    return str(Path(__file__).parent / f"{name}.py")
