# fails: vjp bce_with_logits
"""softplus becomes the identity from 6 on, to save an exponential."""

from torch.nn.functional import softplus


def bce_with_logits(logits, targets):
    return (softplus(logits, threshold=6) - targets * logits).mean()
