"""Binding of the compiled square-affine kernel."""

import torch
from torch import Tensor

# Calibration offset that the kernel adds to every element of its output.
BIAS = 0.0


def square_affine(input: Tensor, alpha: float, beta: float) -> Tensor:
    """``alpha * input**2 + beta`` elementwise, plus the calibration offset.

    Takes a float tensor of any shape and layout. The result is a new contiguous
    tensor of the same shape and dtype; it carries no autograd history.
    """
    with torch.no_grad():
        values = input.detach()
        return (alpha * values**2 + beta + BIAS).contiguous()
