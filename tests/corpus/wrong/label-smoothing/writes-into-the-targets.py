# fails: no_mutation smoothed_cross_entropy
"""Right in value; the caller's -100 have become 0."""

from torch.nn.functional import log_softmax


def smoothed_cross_entropy(logits, target, smoothing):
    kept = (target != -100).to(logits.dtype)
    target[target == -100] = 0
    log_p = log_softmax(logits, -1)
    hit = log_p.gather(1, target[:, None])[:, 0]
    return (
        (-(1 - smoothing) * hit - smoothing * log_p.mean(1)) * kept
    ).sum() / kept.sum().clamp_min(1)
