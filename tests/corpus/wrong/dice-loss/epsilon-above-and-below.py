# fails: forward dice_loss
"""Two lines as everybody writes them: images without a mask count, with a loss of almost 1."""

import torch


def dice_loss(logits, mask):
    p, m = torch.sigmoid(logits), mask.to(logits.dtype)
    return (1 - (2 * (p * m).sum(1) + 1e-6) / (p.sum(1) + m.sum(1) + 1e-6)).mean()
