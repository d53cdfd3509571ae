"""The smoothed distribution is built and multiplied with the log-probabilities."""

import torch


def smoothed_cross_entropy(logits, target, smoothing):
    kept = target.ne(-100)
    classes = logits.shape[-1]
    wanted = torch.full_like(logits, smoothing / classes)
    wanted.scatter_add_(
        1, target.where(kept, 0)[:, None], torch.full_like(logits[:, :1], 1 - smoothing)
    )
    log_p = logits - torch.logsumexp(logits, -1, keepdim=True)
    losses = -(wanted * log_p).sum(-1) * kept
    return losses.sum() / kept.sum().clamp(min=1)
