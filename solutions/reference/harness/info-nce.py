"""Symmetric InfoNCE: cross-entropy over rows and columns of scaled cosine similarities."""

import math

import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn.functional import cross_entropy, normalize


def info_nce(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """a and b are (n, d), row i of one belongs to row i of the other; 0-d result."""
    scores = normalize(a, dim=-1) @ normalize(b, dim=-1).mT / temperature
    pairs = torch.arange(len(a))
    # Both are log-sum-exp inside: at low temperatures exp(score) overflows.
    return (cross_entropy(scores, pairs) + cross_entropy(scores.mT, pairs)) / 2


def test_agrees_with_the_definition() -> None:
    a, b = torch.randn(2, 5, 3, dtype=torch.float64)
    scores = (a / a.norm(dim=1, keepdim=True)) @ (b / b.norm(dim=1, keepdim=True)).T / 0.5
    e = scores.exp()
    right = e.diagonal()
    expected = -((right / e.sum(1)).log() + (right / e.sum(0)).log()).mean() / 2
    torch.testing.assert_close(info_nce(a, b, 0.5), expected)


def test_low_temperature() -> None:
    a = torch.tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    b = torch.tensor([[-1.0, 0.0], [0.0, -1.0]])
    loss = info_nce(a, b, 0.001)
    assert math.isclose(loss.item(), 1000, rel_tol=1e-6)
    loss.backward()
    assert a.grad is not None
    assert a.grad.isfinite().all()


def test_a_row_of_zeros_and_a_batch_of_one() -> None:
    assert info_nce(torch.zeros(2, 3), torch.randn(2, 3), 0.1).isfinite()
    assert info_nce(torch.randn(1, 3), torch.randn(1, 3), 0.1).item() == 0


def test_gradients() -> None:
    a, b = (torch.randn(3, 4, dtype=torch.float64).requires_grad_() for _ in "ab")
    assert gradcheck(info_nce, (a, b, 0.2))


if __name__ == "__main__":
    test_agrees_with_the_definition()
    test_low_temperature()
    test_a_row_of_zeros_and_a_batch_of_one()
    test_gradients()
    print("info_nce: ok")
