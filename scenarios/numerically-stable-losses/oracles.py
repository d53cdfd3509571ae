"""Trusted references for every entry point, one function each.

Plain differentiable torch in the dtype of its arguments (grading asks in float64). Each stays in
the log domain, so it is accurate at the ends of the promised ranges as well.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def log_softmax(x: Tensor, dim: int = -1) -> Tensor:
    """x - log Σ exp x.

    In this form on purpose: tolerances are derived from its rounding error, which many right
    answers make, and which torch's own function avoids.
    """
    return x - x.logsumexp(dim, keepdim=True)


def bce_with_logits(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean of -t·log σ(x) - (1 - t)·log σ(-x); 0 without elements.

    The cross-entropy of a Bernoulli variable, for instance Bishop 2006, eq. 4.90.
    """
    losses = -(targets * logsigmoid(logits) + (1 - targets) * logsigmoid(-logits))
    return losses.sum() / max(losses.numel(), 1)


def focal_loss(logits: Tensor, targets: Tensor, gamma: float = 2.0) -> Tensor:
    """Mean of -(1 - p_t)^γ·log p_t, where p_t is the probability of the true class.

    0 without elements. Lin, Goyal, Girshick, He & Dollár 2017, arXiv:1708.02002, eq. 4, without the
    weight α; the power is taken in the log domain, where 1 - p_t does not round to 0 or to 1.
    """
    signed = (2 * targets - 1) * logits
    losses = -torch.exp(gamma * logsigmoid(-signed)) * logsigmoid(signed)
    return losses.sum() / max(losses.numel(), 1)


def distillation_kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T²·KL(softmax(teacher/T) ‖ softmax(student/T)), averaged over the rows.

    Hinton, Vinyals & Dean 2015, arXiv:1503.02531, section 2, with the KL divergence in place of
    the cross-entropy, from which it differs by the teacher's entropy.
    """
    p = log_softmax(teacher / temperature, dim=-1)
    q = log_softmax(student / temperature, dim=-1)
    return temperature**2 * (p.exp() * (p - q)).sum(-1).mean()


def info_nce(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Mean over both directions of the cross-entropy of cosine similarities over temperature.

    Row i of ``a`` belongs to row i of ``b``. Oord, Li & Vinyals 2018, arXiv:1807.03748, eq. 4, in
    the symmetric form of Radford et al. 2021, arXiv:2103.00020, figure 3.
    """
    unit_a, unit_b = (x / torch.linalg.vector_norm(x, dim=-1, keepdim=True) for x in (a, b))
    scores = unit_a @ unit_b.mT / temperature
    rows = torch.diagonal(log_softmax(scores, dim=1))
    columns = torch.diagonal(log_softmax(scores, dim=0))
    return -(rows.mean() + columns.mean()) / 2


def smoothed_cross_entropy(logits: Tensor, target: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy with label smoothing, averaged over the rows whose target is not -100.

    The target's distribution is (1 - s)·δ + s/c, Szegedy et al. 2016, arXiv:1512.00567, section 7.
    0, with gradients of 0, where every row is ignored.
    """
    kept = target != -100
    log_p = log_softmax(logits, dim=-1)
    hit = log_p.gather(-1, torch.where(kept, target, 0).unsqueeze(-1)).squeeze(-1)
    losses = -(1 - smoothing) * hit - smoothing * log_p.mean(-1)
    return torch.where(kept, losses, 0).sum() / kept.sum().clamp_min(1)


def dice_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Mean of 1 - 2·Σpm / (Σp + Σm) with p = σ(logits), over the rows with anything in the mask.

    Milletari, Navab & Ahmadi 2016, arXiv:1606.04797, section 3, with sums in place of the sums of
    squares. 0, with gradients of 0, where every mask is empty.
    """
    filled = mask.any(-1)
    p, m = torch.sigmoid(logits), mask.to(logits.dtype)
    # Masks that are empty are made full, so that nothing is divided by 0 on their way.
    m = torch.where(filled.unsqueeze(-1), m, 1)
    losses = 1 - 2 * (p * m).sum(-1) / (p.sum(-1) + m.sum(-1))
    return torch.where(filled, losses, 0).sum() / filled.sum().clamp_min(1)
