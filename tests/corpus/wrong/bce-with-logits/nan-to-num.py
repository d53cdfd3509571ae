# fails: edges bce_with_logits
"""What became infinite is replaced in the value; the gradient is NaN."""

import torch


def bce_with_logits(logits, targets):
    p = torch.sigmoid(logits)
    losses = -(targets * torch.log(p) + (1 - targets) * torch.log(1 - p))
    return torch.nan_to_num(losses, posinf=1e4).mean()
