"""Cross-entropy with label smoothing; rows with target -100 are ignored."""

import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn.functional import cross_entropy, log_softmax

IGNORED = -100


def smoothed_cross_entropy(logits: Tensor, target: Tensor, smoothing: float) -> Tensor:
    """logits (n, c), target (n,) int64; 0-d result, 0 where every row is ignored."""
    kept = target != IGNORED
    log_p = log_softmax(logits[kept], dim=-1)
    of_target = log_p.gather(1, target[kept].unsqueeze(1)).squeeze(1)
    losses = -(1 - smoothing) * of_target - smoothing * log_p.mean(dim=1)
    # Sum and number instead of mean: the mean of nothing is NaN.
    return losses.sum() / max(len(losses), 1)


def test_agrees_with_torch() -> None:
    for size in [(6, 5), (1, 1), (30, 12)]:
        logits = torch.randn(size, dtype=torch.float64)
        target = torch.randint(size[1], size[:1])
        target[1::3] = IGNORED
        for smoothing in (0.0, 0.1, 0.9):
            ours, theirs = (logits.clone().requires_grad_() for _ in range(2))
            loss = smoothed_cross_entropy(ours, target, smoothing)
            expected = cross_entropy(theirs, target, label_smoothing=smoothing)
            torch.testing.assert_close(loss, expected)
            loss.backward()
            expected.backward()
            torch.testing.assert_close(ours.grad, theirs.grad)


def test_every_row_ignored() -> None:
    logits = torch.randn(3, 4, requires_grad=True)
    loss = smoothed_cross_entropy(logits, torch.full((3,), IGNORED), 0.1)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert (logits.grad == 0).all()


def test_at_the_ends() -> None:
    logits = torch.tensor([[1e3, -1e3], [-1e3, 1e3]], requires_grad=True)
    loss = smoothed_cross_entropy(logits, torch.tensor([0, 0]), 0.0)
    assert loss.item() == 1000
    loss.backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_gradients() -> None:
    logits = torch.randn(4, 3, dtype=torch.float64).requires_grad_()
    assert gradcheck(smoothed_cross_entropy, (logits, torch.tensor([0, 2, IGNORED, 1]), 0.2))


if __name__ == "__main__":
    torch.manual_seed(0)
    test_agrees_with_torch()
    test_every_row_ignored()
    test_at_the_ends()
    test_gradients()
    print("smoothed_cross_entropy: ok")
