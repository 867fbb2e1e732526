import pytest
import torch

from training.byol.lars import Lars


def literal_step(weight, gradient, buffer, *, lr, momentum, decay, trust, adapt):
    """Appendix B of BYOL, one weight at a time, in float64."""
    update = gradient.double()
    if adapt:
        update = update + decay * weight
        w, u = weight.norm(), update.norm()
        update = update * (trust * w / u if w > 0 and u > 0 else 1.0)
    buffer = momentum * buffer + update
    return weight - lr * buffer, buffer


@pytest.mark.parametrize("adapt", [True, False])
def test_three_steps_are_the_literal_ones(adapt):
    torch.manual_seed(0)
    weights = [
        torch.nn.Parameter(torch.randn(4, 3)),
        torch.nn.Parameter(torch.zeros(5)),
        torch.nn.Parameter(torch.ones(2)),
    ]
    expected = [(w.detach().double().clone(), torch.zeros(w.shape, dtype=torch.float64)) for w in weights]
    settings = {"lr": 0.3, "momentum": 0.9, "weight_decay": 0.1, "trust": 0.01}
    optimizer = Lars([{"params": weights, "adapt": adapt}], **settings)
    for _ in range(3):
        for weight in weights:
            weight.grad = torch.randn_like(weight)
        gradients = [w.grad.clone() for w in weights]
        optimizer.step()
        expected = [
            literal_step(w, g, b, lr=0.3, momentum=0.9, decay=0.1, trust=0.01, adapt=adapt)
            for (w, b), g in zip(expected, gradients, strict=True)
        ]
        assert all(torch.equal(w.grad, g) for w, g in zip(weights, gradients, strict=True))  # left as they were
    for weight, (value, _) in zip(weights, expected, strict=True):
        assert torch.allclose(weight.double(), value, atol=1e-6)


def test_weights_without_gradient_stay():
    still, moving = torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(3))
    moving.grad = torch.ones(3)
    Lars([still, moving], lr=0.1).step()
    assert still.tolist() == [1, 1, 1] and moving.tolist() != [1, 1, 1]
