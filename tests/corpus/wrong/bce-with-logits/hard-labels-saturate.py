# fails: edges bce_with_logits
"""Hard labels have a path of their own, which stops growing at 700."""

import torch
from torch.nn.functional import logsigmoid, softplus


def bce_with_logits(logits, targets):
    against = torch.where(targets > 0.5, -logits, logits)
    linear = softplus(against).clamp(max=700.0)
    soft = -(targets * logsigmoid(logits) + (1 - targets) * logsigmoid(-logits))
    is_hard = (targets == 0) | (targets == 1)
    hard = linear + (targets - targets.detach()) * -logits
    return torch.where(is_hard, hard, soft).sum() / max(logits.numel(), 1)
