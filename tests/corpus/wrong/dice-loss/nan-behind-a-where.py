# fails: edges dice_loss
"""The result is masked, and not what is divided by: 0 times NaN in backward."""

import torch


def dice_loss(logits, mask):
    filled = mask.any(1)
    p, m = torch.sigmoid(logits), mask.to(logits.dtype)
    losses = 1 - 2 * (p * m).sum(1) / (p.sum(1) + m.sum(1))
    return torch.where(filled, losses, torch.zeros_like(losses)).sum() / filled.sum().clamp_min(1)
