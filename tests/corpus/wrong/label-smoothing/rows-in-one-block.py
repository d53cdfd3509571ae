# fails: shapes smoothed_cross_entropy
"""Rows are summed in blocks of 60, and what does not fill the last one is forgotten."""

from torch.nn.functional import log_softmax


def smoothed_cross_entropy(logits, target, smoothing):
    kept = target != -100
    log_p = log_softmax(logits[kept], -1)
    hit = log_p.gather(1, target[kept].unsqueeze(1)).squeeze(1)
    loss = -(1 - smoothing) * hit - smoothing * log_p.mean(1)
    whole = len(loss) // 60 * 60 or len(loss)
    return loss[:whole].sum() / max(len(loss), 1)
