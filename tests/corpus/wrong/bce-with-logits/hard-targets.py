# fails: vjp bce_with_logits
"""Takes a target for 0 or 1, and gives it no gradient."""

import torch
from torch.nn.functional import softplus


def bce_with_logits(logits, targets):
    signed = torch.where(targets > 0.5, -logits, logits)
    return softplus(signed).mean()
