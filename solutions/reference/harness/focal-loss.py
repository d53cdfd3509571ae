"""Focal loss from log-probabilities of the true class."""

import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid


def focal_loss(logits: Tensor, targets: Tensor, gamma: float = 2.0) -> Tensor:
    """targets are 0.0 or 1.0, in the shape of logits; 0-d result, 0 where there are none."""
    towards_truth = torch.where(targets > 0.5, logits, -logits)
    log_right, log_wrong = logsigmoid(towards_truth), logsigmoid(-towards_truth)
    # exp(gamma * log(1 - p)): a power of 1 - p has no slope where that rounds to 0.
    losses = -(gamma * log_wrong).exp() * log_right
    return losses.sum() / max(losses.numel(), 1)


def test_agrees_with_the_formula() -> None:
    x, t = torch.randn(50, dtype=torch.float64), torch.randint(2, (50,)).double()
    p = torch.where(t == 1, x.sigmoid(), 1 - x.sigmoid())
    for gamma in (0.0, 0.5, 2.0, 5.0):
        torch.testing.assert_close(focal_loss(x, t, gamma), -((1 - p) ** gamma * p.log()).mean())
    torch.testing.assert_close(focal_loss(x, t, 0.0), binary_cross_entropy_with_logits(x, t))


def test_at_the_ends() -> None:
    for gamma in (0.0, 0.5, 2.0):
        x = torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4], requires_grad=True)
        loss = focal_loss(x, torch.ones(5), gamma)
        loss.backward()
        assert x.grad is not None
        assert loss.isfinite()
        assert x.grad.isfinite().all()
        # The worst example keeps its pull.
        torch.testing.assert_close(x.grad[0], torch.tensor(-0.2))


def test_gradients() -> None:
    x = torch.randn(3, 4, dtype=torch.float64).requires_grad_()
    assert gradcheck(focal_loss, (x, torch.randint(2, (3, 4)).double(), 1.5))


if __name__ == "__main__":
    torch.manual_seed(0)
    test_agrees_with_the_formula()
    test_at_the_ends()
    test_gradients()
    print("focal_loss: ok")
