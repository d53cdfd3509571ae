# fails: forward focal_loss
"""Divides by the number of positives, as the detector's paper does and the request does not."""

from torch.nn.functional import logsigmoid


def focal_loss(logits, targets, gamma=2.0):
    s = (2 * targets - 1) * logits
    return -((gamma * logsigmoid(-s)).exp() * logsigmoid(s)).sum() / targets.sum().clamp_min(1)
