# fails: edges smoothed_cross_entropy
"""An epsilon in the log."""

import torch


def smoothed_cross_entropy(logits, target, smoothing):
    kept = target != -100
    log_p = (torch.softmax(logits[kept], -1) + 1e-12).log()
    hit = log_p.gather(1, target[kept][:, None])[:, 0]
    return (-(1 - smoothing) * hit - smoothing * log_p.mean(1)).sum() / max(int(kept.sum()), 1)
