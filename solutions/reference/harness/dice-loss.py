"""Soft Dice loss over the images that have anything in their mask."""

import torch
from torch import Tensor
from torch.autograd import gradcheck


def dice_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """logits and mask are (n, pixels), mask is bool; 0-d result, 0 where every mask is empty."""
    filled = mask.any(dim=1)
    p, m = torch.sigmoid(logits[filled]), mask[filled].to(logits.dtype)
    losses = 1 - 2 * (p * m).sum(dim=1) / (p.sum(dim=1) + m.sum(dim=1))
    # Sum and number instead of mean: the mean of nothing is NaN.
    return losses.sum() / max(len(losses), 1)


def test_agrees_with_a_loop() -> None:
    logits, mask = torch.randn(5, 7, dtype=torch.float64), torch.rand(5, 7) < 0.4
    mask[0], mask[1] = True, False
    losses = []
    for x, m in zip(logits, mask, strict=True):
        if m.any():
            p = x.sigmoid()
            losses.append(1 - 2 * p[m].sum() / (p.sum() + m.sum()))
    torch.testing.assert_close(dice_loss(logits, mask), torch.stack(losses).mean())


def test_empty_masks() -> None:
    logits = torch.full((3, 4), -1e3, requires_grad=True)
    loss = dice_loss(logits, torch.zeros(3, 4, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert (logits.grad == 0).all()
    one = torch.zeros(3, 4, dtype=torch.bool)
    one[2, 1] = True
    assert dice_loss(logits, one).item() == 1


def test_gradients() -> None:
    mask = torch.tensor([[True, False, True], [False] * 3])
    assert gradcheck(dice_loss, (torch.randn(2, 3, dtype=torch.float64).requires_grad_(), mask))


if __name__ == "__main__":
    torch.manual_seed(0)
    test_agrees_with_a_loop()
    test_empty_masks()
    test_gradients()
    print("dice_loss: ok")
