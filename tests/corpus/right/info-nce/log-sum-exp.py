"""Both directions from the scores' log-sum-exps."""

import torch


def info_nce(a, b, temperature):
    def unit(x):
        return x / x.norm(dim=-1, keepdim=True).clamp_min(1e-12)

    scores = torch.einsum("id,jd->ij", unit(a), unit(b)) / temperature
    right = torch.diagonal(scores)
    return ((scores.logsumexp(0) - right) + (scores.logsumexp(1) - right)).mean() / 2
