"""Gradients straight from autograd's engine; the same on both sides."""

from collections.abc import Sequence
from typing import Any

import torch

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
    """``torch.autograd.grad`` with ``allow_unused``: a gradient per leaf, of which there are some.

    Each output requires grad and has the shape of its cotangent. Raises what a backward raises,
    and ``RuntimeError`` where the graph is gone.
    """
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
