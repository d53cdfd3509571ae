# fails: forward info_nce
"""Multiplies by the temperature."""

import torch
from torch.nn.functional import cross_entropy, normalize


def info_nce(a, b, temperature):
    scores, pairs = normalize(a) @ normalize(b).mT * temperature, torch.arange(len(a))
    return (cross_entropy(scores, pairs) + cross_entropy(scores.mT, pairs)) / 2
