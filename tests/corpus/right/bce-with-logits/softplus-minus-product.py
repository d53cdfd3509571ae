"""log(1 + exp(x)) - t x."""

from torch.nn.functional import softplus


def bce_with_logits(logits, targets):
    losses = softplus(logits) - logits * targets
    return losses.mean() if losses.numel() else losses.sum()
