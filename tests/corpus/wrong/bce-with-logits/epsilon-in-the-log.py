# fails: edges bce_with_logits
"""The line that has worked for two years: the epsilon caps the loss at 16."""

import torch


def bce_with_logits(logits, targets):
    p = torch.sigmoid(logits)
    return -(targets * torch.log(p + 1e-7) + (1 - targets) * torch.log(1 - p + 1e-7)).mean()
