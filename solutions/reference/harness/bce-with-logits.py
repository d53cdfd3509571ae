"""Binary cross-entropy on logits, accurate for logits of any size.

log σ(x) = min(x, 0) - log(1 + exp(-|x|)) never takes the logarithm of a rounded probability, and
log(1 - σ(x)) is log σ(-x).
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid


def bce_with_logits(logits: Tensor, targets: Tensor) -> Tensor:
    """logits and targets have one shape; 0-d result, 0 where there are no elements."""
    losses = -(targets * logsigmoid(logits) + (1 - targets) * logsigmoid(-logits))
    return losses.sum() / max(losses.numel(), 1)


def test_agrees_with_torch_at_the_ends_too() -> None:
    for data in [torch.randn(4, 5), torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4])]:
        targets = torch.rand(data.shape, dtype=torch.float64)
        ours, theirs = (data.double().requires_grad_() for _ in range(2))
        loss = bce_with_logits(ours, targets)
        expected = binary_cross_entropy_with_logits(theirs, targets)
        torch.testing.assert_close(loss, expected)
        loss.backward()
        expected.backward()
        assert ours.grad is not None
        assert ours.grad.isfinite().all()
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_a_hopeless_example_keeps_its_gradient() -> None:
    logits = torch.tensor([-1e4], requires_grad=True)
    bce_with_logits(logits, torch.ones(1)).backward()
    assert logits.grad is not None
    assert logits.grad.item() == -1


if __name__ == "__main__":
    test_agrees_with_torch_at_the_ends_too()
    test_a_hopeless_example_keeps_its_gradient()
    print("bce_with_logits: ok")
