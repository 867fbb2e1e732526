"""The Audit tab: works of the collection that deserve a second look, one after the other, each to be decided about.

index --found once a kind, when first asked for, kept in the process--> Queue --a visitor's Review--> CSV

The CSV is that of `artextract audit`; `artextract prepare collection --decisions` applies it where labels are in doubt.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import gradio as gr

from artextract_hf import Hit, PaintingIndex
from artextract_hf.curation import (
    TOGETHER,
    Finding,
    by_criterion,
    find_copies,
    find_label_issues,
    find_misdated,
    find_outliers,
    findings_table,
)
from artextract_hf.data import ACCEPTED, REJECTED, TASKS
from artextract_hf.errors import ArtExtractError
from spaces_app.cards import card, cards, download, hits_of, text
from spaces_app.looks import ASSETS
from spaces_app.upload import errors_on_page

MOST = 200  # findings of a queue, the first
SLOW: dict[str, Any] = {"concurrency_id": "audit", "concurrency_limit": 4}  # not the line of pictures
QUICK: dict[str, Any] = {"concurrency_id": "review", "concurrency_limit": 4}
UNDECIDED, BACK = "", "back"
KEYS = {ACCEPTED: "Accept (a)", REJECTED: "Reject (r)", UNDECIDED: "Undecided (u)", BACK: "Back (b)"}
DECIDED = {ACCEPTED: "You accepted this.", REJECTED: "You rejected this.", UNDECIDED: ""}
MEANING = (
    "**Accept** what the finding says, **reject** it, or leave it **undecided**; each moves on to the next work. The "
    "keys count while something on this tab has the focus. What you decide is kept for this visit only: save it. "
    "`artextract prepare collection SOURCE --decisions findings.csv` gives works the labels that you accepted; what "
    "you decide about other findings is a list for your own work."
)
NO_KIND = "Choose what to look for."
NO_QUEUE = "Look for something first."
FOCUS = f"""() => window.setTimeout(() => document.querySelector("#audit-{ACCEPTED}").focus(), 100)"""
SAVE = '() => document.querySelector("#audit-saved a")?.click()'


@dataclass(frozen=True)
class Queue:
    """What was found.

    Attributes:
        findings: the first MOST.
        works: that they are about or compare with, by their ids.
        total: how many findings there are with those that are left out.
    """

    findings: Sequence[Finding]
    works: Mapping[str, Hit]
    total: int


@dataclass(frozen=True)
class Review:
    """What a visitor decided.

    Attributes:
        kind: of the queue that is looked at; "" for none yet.
        place: in that queue; behind its end, all were looked at.
        decisions: by kind, about each of its findings.
    """

    kind: str = ""
    place: int = 0
    decisions: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def opened(self, kind: str, count: int) -> "Review":
        """The queue of a kind with `count` findings, at the first that is undecided."""
        decided = self.decisions.get(kind) or [UNDECIDED] * count
        place = next((place for place, word in enumerate(decided) if word == UNDECIDED), 0)
        return replace(self, kind=kind, place=place, decisions={**self.decisions, kind: decided})

    def decided(self, does: str) -> "Review":
        """The next place, with a decision about the present one; or the place before."""
        if does == BACK:
            return replace(self, place=max(self.place - 1, 0))
        words = list(self.decisions[self.kind])
        if self.place == len(words):
            return self
        words[self.place] = does
        return replace(self, place=self.place + 1, decisions={**self.decisions, self.kind: words})

    def summary(self) -> str:
        """Where the visitor is, and what was decided.

        >>> Review().opened("dates", 3).decided("accept").summary()
        '2 of 3. 1 accepted, 0 rejected.'
        """
        words = list(self.decisions[self.kind])
        where = f"{self.place + 1} of {len(words)}." if self.place < len(words) else f"All {len(words)} looked at."
        return f"{where} {words.count(ACCEPTED)} accepted, {words.count(REJECTED)} rejected."


def audits_of(index: PaintingIndex) -> dict[str, tuple[str, Callable[[], list[Finding]]]]:
    """By kind of finding, what it is called and what finds it."""
    return {
        "outliers": ("Unlike the rest", lambda: by_criterion(find_outliers(index))[TOGETHER]),
        **{task: (f"Doubtful {task}s", partial(find_label_issues, index, task)) for task in TASKS},
        "duplicates": ("Twice in the collection", lambda: find_copies(index)),
        "dates": ("Dates that do not fit", lambda: find_misdated(index)[0]),
    }


class Audits:
    """The queues of a collection, each found when it is first asked for.

    Args:
        index: of the collection.
    """

    def __init__(self, index: PaintingIndex) -> None:
        self.index, self.kinds = index, audits_of(index)
        self._queues: dict[str, Queue] = {}
        self._finding = threading.Lock()  # one at a time: each takes all cores

    def is_known(self, kind: str) -> bool:
        """Whether the queue of a kind is there already."""
        return kind in self._queues

    def queue(self, kind: str) -> Queue:
        """The queue of a kind.

        Raises:
            ArtExtractError: the collection is too small for it, or lacks labels, dates or pictures.
        """
        if kind not in self._queues:
            with self._finding:
                if kind not in self._queues:
                    self._queues[kind] = self._found(kind)
        return self._queues[kind]

    def _found(self, kind: str) -> Queue:
        findings = self.kinds[kind][1]()
        first = findings[:MOST]
        wanted = dict.fromkeys(id_ for finding in first for id_ in (finding.id, *finding.beside))
        return Queue(first, {hit.id: hit for hit in hits_of(self.index, list(wanted))}, len(findings))


def shown_finding(queue: Queue, review: Review, index: PaintingIndex) -> str:
    """The present finding in HTML: why, the work, and what it is compared with."""
    if review.place >= len(queue.findings):
        return '<p class="reason">Save what you decided, go back, or look for something else.</p>'
    finding = queue.findings[review.place]
    decided = DECIDED[review.decisions[review.kind][review.place]]
    work = card(queue.works[finding.id], index.thumbnail(finding.id), [finding.id])
    beside = [card(queue.works[other], index.thumbnail(other), [other]) for other in finding.beside]
    compared = f"<div><h2>Compared with</h2>{cards(beside)}</div>" if beside else ""
    return (
        f'<p class="reason">{text(finding.reason[:1].upper() + finding.reason[1:])}</p>'
        f"{f'<p>{decided}</p>' if decided else ''}"
        f'<div class="finding"><div><h2>The work</h2>{cards([work])}</div>{compared}</div>'
    )


class Desk:
    """What visitors do with the queues. What they send is a stranger's word; each method raises gr.Error for it."""

    def __init__(self, audits: Audits) -> None:
        self.audits = audits

    def look(self, kind: Any, review: Review) -> Iterator[list[Any]]:
        """The queue of a kind; first, where it is still to be found, that this takes a while."""
        if not isinstance(kind, str) or kind not in self.audits.kinds:
            raise gr.Error(NO_KIND, print_exception=False)
        works = len(self.audits.index)
        if not self.audits.is_known(kind):
            told = f"Looking through {works:,} works. The first time this takes a while; then it is kept."
            yield [review, f"{told}<progress aria-label='Looking'></progress>", ""]
        try:
            queue = self.audits.queue(kind)
        except ArtExtractError as error:
            said = str(error)
            yield [replace(review, kind=""), text(said[:1].upper() + said[1:]), ""]
            return
        if not queue.findings:
            yield [replace(review, kind=""), f"Nothing stands out among {works:,} works.", ""]
            return
        yield self._shown(review.opened(kind, len(queue.findings)))

    def decide(self, does: str, review: Review) -> list[Any]:
        """The next work, with what was decided of the present one."""
        self._queue(review)
        return self._shown(review.decided(does))

    def save(self, review: Review) -> str:
        """A link to the findings with the decisions, as CSV."""
        queue = self._queue(review)
        table = findings_table(queue.findings, self.audits.index, review.decisions[review.kind])
        return download("findings.csv", "findings.csv", "text/csv", table)

    def _queue(self, review: Review) -> Queue:
        if not review.kind:
            raise gr.Error(NO_QUEUE, print_exception=False)
        return self.audits.queue(review.kind)

    def _shown(self, review: Review) -> list[Any]:
        queue = self.audits.queue(review.kind)
        more = f" The first {MOST} of {queue.total:,} findings." if queue.total > MOST else ""
        with errors_on_page():
            return [review, review.summary() + more, shown_finding(queue, review, self.audits.index)]


def audit_tab(index: PaintingIndex) -> None:
    """Lay out the tab.

    Args:
        index: the collection that is audited.
    """
    audits = Audits(index)
    desk = Desk(audits)
    with gr.Column(elem_id="audit"):
        kind = gr.Radio(
            [(words, name) for name, (words, _) in audits.kinds.items()],
            value=next(iter(audits.kinds)),
            label="What to look for",
            elem_id="audit-kind",
        )
        kind.preprocess = lambda value: value  # gradio's own refusal is a fault in the log
        look = gr.Button("Look", variant="primary", elem_id="audit-look")
        told = gr.HTML(html_template='<div role="status">${value}</div>', elem_id="audit-told", min_height=30)
        with gr.Row(elem_id="audit-does"):
            buttons = {
                does: gr.Button(words, size="sm", min_width=90, elem_id=f"audit-{does or 'undecided'}")
                for does, words in KEYS.items()
            }
        shown = gr.HTML(js_on_load=(ASSETS / "audit.js").read_text("utf-8"), elem_id="audit-card")
        with gr.Column(elem_id="audit-save"):
            save = gr.Button("Save decisions as CSV", size="sm")
            saved = gr.HTML(elem_id="audit-saved")
            gr.Markdown(MEANING)
    review = gr.State(Review())
    outputs = [review, told, shown]
    private: dict[str, Any] = {"api_visibility": "private"}
    looked = look.click(desk.look, [kind, review], outputs, show_progress="minimal", **private, **SLOW)
    looked.success(None, js=FOCUS, **private)
    for does, pressed in buttons.items():
        pressed.click(partial(desk.decide, does), review, outputs, show_progress="hidden", **private, **QUICK)
    save.click(desk.save, review, saved, **private, **QUICK).success(None, js=SAVE, **private)
