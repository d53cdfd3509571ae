# fails: vjp focal_loss
"""The modulating factor is detached: another gradient with the same loss."""

from torch.nn.functional import logsigmoid


def focal_loss(logits, targets, gamma=2.0):
    s = (2 * targets - 1) * logits
    weight = (gamma * logsigmoid(-s)).exp().detach()
    return -(weight * logsigmoid(s)).mean()
