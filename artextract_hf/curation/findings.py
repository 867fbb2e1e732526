"""What an audit finds: works of a collection that deserve a second look, each with the reason."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.index import PaintingIndex


@dataclass(frozen=True)
class Finding:
    """A work that deserves a second look.

    Attributes:
        id: of the work.
        criterion: what it stands out by.
        score: how much; comparable within a criterion, higher is further out.
        reason: the same in words.
        beside: ids of works that show it, the nearest first.
        task: whose label is in doubt, else None.
        label: that the work has in the task, else None.
        suggested: the label that it may have to have instead, else None.
    """

    id: str
    criterion: str
    score: float
    reason: str
    beside: tuple[str, ...] = ()
    task: str | None = None
    label: str | None = None
    suggested: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As findings.json has it."""
        return asdict(self) | {"beside": list(self.beside)}


def require_works(index: PaintingIndex, least: int) -> None:
    """Refuse a collection that is too small for an audit.

    Raises:
        PaintingIndexError: it has fewer works than `least`.
    """
    if len(index) < least:
        raise PaintingIndexError(
            f"the collection has {len(index)} works; fewer than {least} are too few to say which stand out."
        )


def by_criterion(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """The findings of each criterion, in the order of the findings."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.criterion, []).append(finding)
    return groups
