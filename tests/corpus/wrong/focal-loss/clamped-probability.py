# fails: edges focal_loss
"""The version that was signed off: beyond the clamp nothing is learned any more."""

import torch


def focal_loss(logits, targets, gamma=2.0):
    p = torch.sigmoid(logits).clamp(1e-6, 1 - 1e-6)
    p_t = torch.where(targets == 1, p, 1 - p)
    return -((1 - p_t) ** gamma * torch.log(p_t)).mean()
