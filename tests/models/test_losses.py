"""Losses against values computed by hand and against torch's own."""

import math

import pytest
import torch
import torch.nn.functional as F

from artextract_hf.errors import ModelError
from artextract_hf.models.losses import (
    LossTerms,
    TaskLoss,
    UncertaintyWeighting,
    adjusted_logits,
    class_weights,
    cross_entropy_terms,
    masked_cross_entropy,
    supervised_contrastive,
)

LABELS = torch.tensor([0, -1, 2, 1, -100, 2])
KNOWN = LABELS >= 0
WEIGHTS = torch.tensor([0.5, 3.0, 1.2])


def some_logits() -> torch.Tensor:
    return torch.randn(6, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()


# --- cross-entropy and focal ----------------------------------------------------------------------------------------


def test_unknown_labels_take_no_part():
    logits = torch.randn(4, 3, requires_grad=True)
    loss = masked_cross_entropy(logits, torch.tensor([0, -1, 2, -100]))
    assert torch.allclose(loss, F.cross_entropy(logits[[0, 2]], torch.tensor([0, 2])))
    loss.backward()
    assert (logits.grad[[1, 3]] == 0).all() and (logits.grad[[0, 2]] != 0).any()


@pytest.mark.parametrize("loss", [TaskLoss(), TaskLoss("focal"), TaskLoss("supervised_contrastive")])
def test_a_batch_without_labels_costs_nothing(loss):
    logits = some_logits()
    terms = loss(logits, torch.full((6,), -1), embeddings=logits)
    assert terms.total.item() == terms.weight.item() == terms.mean().item() == 0
    terms.mean().backward()
    assert (logits.grad == 0).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_cross_entropy_is_torchs(weights, smoothing):
    ours, theirs = some_logits(), some_logits()
    mean = masked_cross_entropy(ours, LABELS, class_weights=weights, label_smoothing=smoothing)
    expected = F.cross_entropy(theirs[KNOWN], LABELS[KNOWN], weight=weights, label_smoothing=smoothing)
    assert torch.allclose(mean, expected)
    mean.backward(), expected.backward()
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-7)


def test_focal_by_hand():
    """p = 0.8 and 0.5 of the right class: alpha (1 - p)^2 (-log p), summed."""
    logits = torch.tensor([[0.8, 0.2], [0.5, 0.5], [0.1, 0.9]]).log()
    terms = cross_entropy_terms(logits, torch.tensor([0, 1, -1]), gamma=2.0, alpha=0.25)
    by_hand = 0.25 * (0.2**2 * -math.log(0.8) + 0.5**2 * -math.log(0.5))
    assert terms.total.item() == pytest.approx(by_hand, rel=1e-6)
    assert terms.weight.item() == 2
    weighted = cross_entropy_terms(logits, torch.tensor([0, 1, -1]), gamma=2.0, class_weights=torch.tensor([3.0, 7.0]))
    by_hand = 3 * 0.2**2 * -math.log(0.8) + 7 * 0.5**2 * -math.log(0.5)
    assert weighted.total.item() == pytest.approx(by_hand, rel=1e-6) and weighted.weight.item() == 10


def test_smoothed_focal_by_hand():
    p, target = [0.7, 0.2, 0.1], [0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3]
    terms = TaskLoss("focal", gamma=1.0, label_smoothing=0.1)(torch.tensor([p]).log(), torch.tensor([0]))
    by_hand = sum(t * (1 - q) * -math.log(q) for t, q in zip(target, p, strict=True))
    assert terms.mean().item() == pytest.approx(by_hand, rel=1e-5)


def test_focal_is_differentiable_where_a_sample_is_certain():
    logits = torch.tensor([[200.0, 0.0]], requires_grad=True)
    TaskLoss("focal", gamma=0.5)(logits, torch.tensor([0])).mean().backward()
    assert logits.grad.isfinite().all()
    far = torch.tensor([[0.0, 200.0]], requires_grad=True)  # certain and wrong: like cross-entropy
    TaskLoss("focal", gamma=2.0)(far, torch.tensor([0])).mean().backward()
    assert torch.allclose(far.grad, torch.tensor([[-1.0, 1.0]]), atol=1e-4)


def test_gradient_of_focal_is_that_of_finite_differences():
    logits = some_logits().double().detach().requires_grad_()
    known = LABELS[KNOWN]

    def mean(x: torch.Tensor) -> torch.Tensor:  # cross_entropy_terms itself computes in float32
        log_p = x.log_softmax(1).gather(1, known[:, None])
        return ((1 - log_p.exp()) ** 2 * -log_p).mean()

    assert torch.autograd.gradcheck(mean, logits[KNOWN])
    (expected,) = torch.autograd.grad(mean(logits[KNOWN]), logits)
    (ours,) = torch.autograd.grad(TaskLoss("focal")(logits, LABELS).mean(), logits)
    assert torch.allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize(
    "loss", [TaskLoss(label_smoothing=0.1), TaskLoss("focal", alpha=0.25), TaskLoss(logit_adjustment=1.0)]
)
def test_terms_of_two_halves_are_those_of_the_whole(loss):
    """What two processes sum up is the loss of one: the sums add, and so do the weights."""
    logits, given = some_logits(), {"class_weights": WEIGHTS, "prior": torch.tensor([0.7, 0.1, 0.2])}
    whole = loss(logits, LABELS, **given)
    halves = [loss(logits[half], LABELS[half], **given) for half in (slice(0, 2), slice(2, 6))]
    total, weight = sum(h.total for h in halves), sum(h.weight for h in halves)
    assert torch.allclose(total / weight, whole.mean())
    means = torch.stack([h.mean() for h in halves]).mean()
    assert not torch.allclose(means, whole.mean())  # which is why the terms are kept apart
    assert not whole.weight.requires_grad


def test_class_weights_by_hand():
    counts = torch.tensor([90, 10, 0])
    balanced = class_weights(counts, 1.0)
    assert torch.allclose(balanced, torch.tensor([100 / 180, 5.0, 0.0]))
    assert torch.allclose((class_weights(counts, 0.5) * counts).sum() / 100, torch.ones(()))
    assert class_weights(counts, 0.0).tolist() == [1, 1, 0]


# --- logit adjustment -----------------------------------------------------------------------------------------------


def test_logit_adjustment_by_hand():
    """Equal logits, a prior of 3 to 1: the softmax is the prior, so the rare class costs -log(1/4)."""
    prior = torch.tensor([0.75, 0.25])
    terms = TaskLoss(logit_adjustment=1.0)(torch.zeros(1, 2), torch.tensor([1]), prior=prior)
    assert terms.mean().item() == pytest.approx(math.log(4))
    half = adjusted_logits(torch.zeros(1, 2), prior, tau=0.5).softmax(1)[0]
    assert (half[0] / half[1]).item() == pytest.approx(math.sqrt(3))
    assert adjusted_logits(torch.zeros(1, 2), torch.tensor([1.0, 0.0])).isfinite().all()


def test_logit_adjustment_learns_the_balanced_classifier():
    """One feature value, seen 9 times as class 0 and once as class 1, prior 9 to 1: the features tell nothing."""
    labels, prior = torch.tensor([0] * 9 + [1]), torch.tensor([0.9, 0.1])
    answers = {}
    for tau in (0.0, 1.0):
        bias = torch.zeros(2, requires_grad=True)
        optimizer = torch.optim.SGD([bias], lr=1.0)
        for _ in range(500):
            optimizer.zero_grad()
            TaskLoss(logit_adjustment=tau)(bias.expand(10, 2), labels, prior=prior).mean().backward()
            optimizer.step()
        answers[tau] = bias.detach().softmax(0)[1].item()
    assert answers[0.0] == pytest.approx(0.1, abs=1e-3) and answers[1.0] == pytest.approx(0.5, abs=1e-3)


# --- supervised contrastive -----------------------------------------------------------------------------------------


def literal_contrastive(z: torch.Tensor, labels: list[int], temperature: float) -> tuple[torch.Tensor, int]:
    """Khosla et al. 2020, eq. 2, in loops."""
    z = z / z.norm(dim=1, keepdim=True)
    known = [i for i, label in enumerate(labels) if label >= 0]
    total, anchors = torch.zeros(()), 0
    for i in known:
        others = [a for a in known if a != i]
        positives = [p for p in others if labels[p] == labels[i]]
        if not positives:
            continue
        below = sum(torch.exp(z[i] @ z[a] / temperature) for a in others)
        logs = [torch.log(torch.exp(z[i] @ z[p] / temperature) / below) for p in positives]
        total, anchors = total - sum(logs) / len(positives), anchors + 1
    return total, anchors


@pytest.mark.parametrize("labels", [[0, 1, 0, -1, 0, 1, 2], [0, 0, -1, -1, -1, -1, -1], [3] * 7])
def test_contrastive_is_the_literal_sum(labels):
    embeddings = torch.randn(7, 5, requires_grad=True)
    terms = supervised_contrastive(embeddings, torch.tensor(labels), temperature=0.5)
    total, anchors = literal_contrastive(embeddings, labels, 0.5)
    assert terms.weight.item() == anchors
    assert torch.allclose(terms.total, total, atol=1e-5)
    ours, literal = (torch.autograd.grad(t, embeddings)[0] for t in (terms.total, total))
    assert torch.allclose(ours, literal, atol=1e-5)
    assert (ours[torch.tensor(labels) < 0] == 0).all()


def test_contrastive_in_mixed_precision_is_that_of_float32():
    embeddings, labels = torch.randn(8, 16), torch.tensor([0, 0, 1, 1, 2, 2, -1, 3])
    expected = supervised_contrastive(embeddings, labels)
    with torch.autocast("cpu", torch.bfloat16):
        found = supervised_contrastive(embeddings, labels)
    assert torch.equal(found.total, expected.total) and torch.equal(found.weight, expected.weight)


def test_contrastive_by_hand():
    """Two of one class point the same way, one of another against them, T = 1: each anchor costs log(1 + e^-2)."""
    z = torch.tensor([[2.0, 0.0], [5.0, 0.0], [-1.0, 0.0]])
    terms = supervised_contrastive(z, torch.tensor([0, 0, 1]), temperature=1.0)
    assert terms.weight.item() == 2 and terms.mean().item() == pytest.approx(math.log(1 + math.exp(-2)))


@pytest.mark.parametrize("labels", [[0, -1, -1], [0, 1, 2]])
def test_contrastive_without_pairs_costs_nothing(labels):
    z = torch.randn(3, 4, requires_grad=True)
    terms = supervised_contrastive(z, torch.tensor(labels))
    terms.mean().backward()
    assert terms.mean().item() == terms.weight.item() == 0 and (z.grad == 0).all()


# --- weights of tasks, configuration --------------------------------------------------------------------------------


def test_uncertainty_finds_its_minimum():
    """d/ds (exp(-s) L + s / 2) = 0 at s = log(2 L), where the sum is (1 + log(2 L)) / 2 a task."""
    weighting = UncertaintyWeighting(["style", "artist"])
    losses = {"style": torch.tensor(0.8), "artist": torch.tensor(3.0)}
    assert weighting(losses).item() == pytest.approx(3.8)  # sigma 1: the plain sum
    optimizer = torch.optim.SGD(weighting.parameters(), lr=0.5)
    for _ in range(300):
        optimizer.zero_grad()
        total = weighting(losses)
        total.backward()
        optimizer.step()
    for task, loss in losses.items():
        assert weighting.log_variances[task].item() == pytest.approx(math.log(2 * loss), abs=1e-4)
    assert total.item() == pytest.approx(sum((1 + math.log(2 * loss)) / 2 for loss in losses.values()), abs=1e-5)


def test_a_task_left_out_learns_no_weight():
    weighting = UncertaintyWeighting(["style", "artist"])
    weighting({"style": torch.tensor(2.0)}).backward()
    assert weighting.log_variances["artist"].grad is None
    assert weighting.log_variances["style"].grad.item() == pytest.approx(-2 + 0.5)


def test_scale_is_a_factor_of_the_loss_not_of_the_weight():
    plain, tenth = (TaskLoss(scale=s)(some_logits(), LABELS) for s in (1.0, 0.1))
    assert isinstance(tenth, LossTerms) and torch.equal(tenth.weight, plain.weight)
    assert torch.allclose(tenth.total, plain.total / 10)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "focl"}, "cross_entropy, focal, supervised_contrastive"),
        ({"label_smoothing": 1.0}, r"\[0, 1\)"),
        ({"gamma": -1.0}, "gamma is -1.0"),
        ({"temperature": 0.0}, "positive"),
    ],
)
def test_bad_losses_say_what_is_accepted(wrong, message):
    with pytest.raises(ModelError, match=message):
        TaskLoss(**wrong)


def test_what_a_loss_needs_is_asked_for():
    with pytest.raises(ModelError, match="embeddings="):
        TaskLoss("supervised_contrastive")(some_logits(), LABELS)
    with pytest.raises(ModelError, match="prior="):
        TaskLoss(logit_adjustment=1.0)(some_logits(), LABELS)
