"""KL(teacher || student) at a temperature, from log-probabilities on both sides."""

import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn.functional import log_softmax


def distillation_kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """student and teacher are logits (n, c); 0-d result, averaged over n."""
    log_p = log_softmax(teacher / temperature, dim=-1)
    log_q = log_softmax(student / temperature, dim=-1)
    divergence = (log_p.exp() * (log_p - log_q)).sum(dim=-1)
    return temperature**2 * divergence.mean()


def test_agrees_with_the_definition() -> None:
    student, teacher = torch.randn(2, 6, 5, dtype=torch.float64)
    for temperature in (0.5, 1.0, 4.0):
        p, q = (torch.softmax(x / temperature, -1) for x in (teacher, student))
        expected = temperature**2 * (p * (p / q).log()).sum(-1).mean()
        torch.testing.assert_close(distillation_kl(student, teacher, temperature), expected)


def test_rows_that_are_sure_of_different_classes() -> None:
    student = torch.tensor([[1e3, -1e3]], requires_grad=True)
    teacher = torch.tensor([[-1e3, 1e3]], requires_grad=True)
    loss = distillation_kl(student, teacher, 2.0)
    assert loss.item() == 4 * 1000
    loss.backward()
    for logits in (student, teacher):
        assert logits.grad is not None
        assert logits.grad.isfinite().all()
    assert distillation_kl(student, student, 0.05).item() == 0


def test_gradients() -> None:
    student, teacher = (torch.randn(3, 4, dtype=torch.float64).requires_grad_() for _ in "ab")
    assert gradcheck(distillation_kl, (student, teacher, 3.0))


if __name__ == "__main__":
    test_agrees_with_the_definition()
    test_rows_that_are_sure_of_different_classes()
    test_gradients()
    print("distillation_kl: ok")
