# fails: training dice_loss
"""A constant where every mask is empty: the training step raises."""

import torch


def dice_loss(logits, mask):
    filled = mask.any(1)
    if not filled.any():
        return logits.new_zeros(())
    p, m = torch.sigmoid(logits[filled]), mask[filled].to(logits.dtype)
    return (1 - 2 * (p * m).sum(1) / (p.sum(1) + m.sum(1))).mean()
