"""A loop; zero times the sum of the logits keeps the graph where nothing is kept."""

import torch


def smoothed_cross_entropy(logits, target, smoothing):
    losses = []
    for row, t in zip(logits, target.tolist()):
        if t == -100:
            continue
        log_p = row - torch.logsumexp(row, 0)
        losses.append(-(1 - smoothing) * log_p[t] - smoothing * log_p.mean())
    if not losses:
        return 0 * logits.sum()
    return torch.stack(losses).mean()
