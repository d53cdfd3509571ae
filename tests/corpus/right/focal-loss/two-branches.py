"""Both classes written out, each with softplus."""

import torch
from torch.nn.functional import softplus


def focal_loss(logits, targets, gamma=2.0):
    positive = torch.exp(-gamma * softplus(logits)) * softplus(-logits)
    negative = torch.exp(-gamma * softplus(-logits)) * softplus(logits)
    losses = torch.where(targets.bool(), positive, negative)
    return losses.sum() / max(1, losses.numel())
