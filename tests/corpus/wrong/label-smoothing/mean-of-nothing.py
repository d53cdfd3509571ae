# fails: vjp smoothed_cross_entropy
"""NaN where every row is ignored."""

from torch.nn.functional import log_softmax


def smoothed_cross_entropy(logits, target, smoothing):
    kept = target != -100
    log_p = log_softmax(logits[kept], -1)
    hit = log_p.gather(1, target[kept][:, None])[:, 0]
    return (-(1 - smoothing) * hit - smoothing * log_p.mean(1)).mean()
