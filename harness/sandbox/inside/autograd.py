"""Gradients straight from autograd's engine; the same on both sides."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.overrides import has_torch_function

# What ``torch.autograd.grad`` calls in the end. What it does before takes as long as a backward of
# few numbers, and imports a library of symbolic mathematics the first time.
_ENGINE: Any = torch.autograd.Variable._execution_engine


def gradients(
    outputs: Sequence[torch.Tensor],
    leaves: Sequence[torch.Tensor],
    cotangents: Sequence[torch.Tensor],
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> tuple[torch.Tensor | None, ...]:
    """``torch.autograd.grad`` with ``allow_unused``: a gradient per leaf.

    Each output requires grad. Raises what a backward raises, and ``RuntimeError`` where there is
    no leaf or a cotangent has not the shape of its output, or is complex where that is real.
    """
    if not leaves:
        raise RuntimeError("there is nothing to differentiate by")
    for output, cotangent in zip(outputs, cotangents, strict=True):
        if output.shape != cotangent.shape or output.is_complex() != cotangent.is_complex():
            raise RuntimeError(
                f"the result is {output.dtype} of shape {tuple(output.shape)}, its incoming "
                f"gradient {cotangent.dtype} of shape {tuple(cotangent.shape)}"
            )
    if has_torch_function((*outputs, *leaves)):  # a class of tensors may do as it likes there
        return torch.autograd.grad(
            outputs,
            leaves,
            cotangents,
            allow_unused=True,
            retain_graph=retain_graph or create_graph,
            create_graph=create_graph,
        )
    found: tuple[torch.Tensor | None, ...] = _ENGINE.run_backward(
        tuple(outputs),
        tuple(cotangents),
        keep_graph=retain_graph or create_graph,
        create_graph=create_graph,
        inputs=tuple(leaves),
        allow_unreachable=True,
        accumulate_grad=False,
    )
    return found
