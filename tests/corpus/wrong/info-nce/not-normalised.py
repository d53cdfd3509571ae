# fails: forward info_nce
"""Dot products of the rows as they come."""

import torch
from torch.nn.functional import cross_entropy


def info_nce(a, b, temperature):
    scores, pairs = a @ b.mT / temperature, torch.arange(len(a))
    return (cross_entropy(scores, pairs) + cross_entropy(scores.mT, pairs)) / 2
