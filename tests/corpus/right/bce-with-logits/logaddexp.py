"""log(1 + exp(x)) as a log-sum-exp of x and 0."""

import torch


def bce_with_logits(logits, targets):
    zero = torch.zeros_like(logits)
    t = targets * torch.logaddexp(zero, -logits) + (1 - targets) * torch.logaddexp(zero, logits)
    return t.sum() / max(1, t.numel())
