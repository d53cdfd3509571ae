# fails: edges distillation_kl
"""Probabilities first, clamped before the log."""

import torch


def distillation_kl(student, teacher, temperature):
    p = torch.softmax(teacher / temperature, -1)
    q = torch.softmax(student / temperature, -1)
    log = lambda x: x.clamp_min(1e-12).log()
    return temperature**2 * (p * (log(p) - log(q))).sum(-1).mean()
