# fails: forward dice_loss
"""Sums over all images at once."""

import torch


def dice_loss(logits, mask):
    filled = mask.any(1)
    p, m = torch.sigmoid(logits[filled]), mask[filled].to(logits.dtype)
    if not len(p):
        return 0 * logits.sum()
    return 1 - 2 * (p * m).sum() / (p.sum() + m.sum())
