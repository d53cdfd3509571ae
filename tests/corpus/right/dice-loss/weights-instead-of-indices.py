"""Empty masks get a divisor of 1 and a weight of 0."""

import torch


def dice_loss(logits, mask):
    m = mask.to(logits.dtype)
    weight = mask.any(1).to(logits.dtype)
    p = torch.sigmoid(logits)
    total = (p + m).sum(1)
    overlap = torch.einsum("np,np->n", p, m)
    losses = 1 - 2 * overlap / torch.where(weight > 0, total, torch.ones_like(total))
    return (weight * losses).sum() / weight.sum().clamp_min(1)
