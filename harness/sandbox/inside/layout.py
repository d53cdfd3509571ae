"""Memory layouts, and what lies beside a tensor in its memory; made alike on both sides."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

# What lies beside a tensor where its layout leaves room.
BESIDE = 7.0
# Elements before and after a tensor that is not at the start of its memory.
BEFORE, AFTER = 3, 2


class LaidOut(NamedTuple):
    """A tensor with the larger one that it is a view of."""

    tensor: torch.Tensor
    # ``None`` where nothing lies beside it.
    whole: torch.Tensor | None = None


def laid_out(tensor: torch.Tensor, layout: str | None, order: Sequence[int] = ()) -> LaidOut:
    """A copy of ``tensor`` in the layout, values unchanged; raises ``ValueError`` for no layout.

    The layout takes the dimensions in ``order``, if one is given: it is then one of other
    dimensions than the last or the first, whatever their number. Of ``sliced`` it is the one
    dimension that goes on before and after the tensor.
    """
    if layout == "sliced":
        return _sliced(tensor, *order)
    if not order:
        return _laid_out(tensor, layout)
    back = sorted(range(len(order)), key=order.__getitem__)
    laid = _laid_out(tensor.permute(*order).contiguous(), layout)
    return LaidOut(laid.tensor.permute(back), laid.whole)


def _laid_out(tensor: torch.Tensor, layout: str | None) -> LaidOut:
    match layout:
        case None | "permuted":
            return LaidOut(tensor.clone())
        case "transposed":
            return LaidOut(_copied(tensor.transpose(-1, -2)).transpose(-1, -2))
        case "strided":
            whole = _filled((*tensor.shape[:-1], 2 * tensor.shape[-1]), tensor)
            whole[..., ::2] = tensor
            return LaidOut(whole[..., ::2], whole)
        case "offset":
            whole = _filled((BEFORE + tensor.numel() + AFTER,), tensor)
            within = whole[BEFORE : BEFORE + tensor.numel()].view(tensor.shape)
            within.copy_(tensor)
            return LaidOut(within, whole)
        case "expanded":
            return LaidOut(tensor[:1].clone().expand(tensor.shape))
        case "filled":  # what backward of a sum hands on
            return LaidOut(tensor.reshape(-1)[0].clone().expand(tensor.shape))
    raise ValueError(f"unknown layout {layout!r}")


def _sliced(tensor: torch.Tensor, cut: int) -> LaidOut:
    """A slice along one dimension, as backward of ``torch.cat`` hands on: dense, with gaps."""
    shape = [n + (BEFORE + AFTER) * (d == cut) for d, n in enumerate(tensor.shape)]
    whole = _filled(tuple(shape), tensor)
    within = whole.narrow(cut, BEFORE, tensor.shape[cut])
    within.copy_(tensor)
    return LaidOut(within, whole)


def _copied(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.clone(memory_format=torch.contiguous_format)


def _filled(shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    return torch.full(shape, BESIDE, dtype=like.dtype)


def _times(tensor: torch.Tensor) -> LaidOut:
    return LaidOut(tensor * 1)


def _plus(tensor: torch.Tensor) -> LaidOut:
    return LaidOut(tensor + (-0.0))  # 0.0 would change the sign of -0.0


def _rows(tensor: torch.Tensor) -> LaidOut:
    """A view of the middle rows of a larger tensor."""
    whole = torch.cat([_beside(tensor), tensor.unsqueeze(0), _beside(tensor)])
    return LaidOut(whole[1], whole)


def _beside(tensor: torch.Tensor) -> torch.Tensor:
    return _filled((1, *tensor.shape), tensor)


def _joined(tensor: torch.Tensor) -> LaidOut:
    if not tensor.dim():
        return LaidOut(torch.stack([tensor]).sum())
    half = len(tensor) // 2
    return LaidOut(torch.cat([tensor[:half], tensor[half:]]))


def _product(tensor: torch.Tensor) -> LaidOut:
    # Of one column, so that no element's gradient goes into another's.
    return LaidOut(tensor.unsqueeze(-1) @ torch.ones(1, dtype=tensor.dtype))


# Operations whose result has the values of what they are given.
OPERATIONS = {
    "times": _times,
    "plus": _plus,
    "rows": _rows,
    "joined": _joined,
    "product": _product,
}


def derived(tensor: torch.Tensor, operation: str) -> LaidOut:
    """The result of one of ``OPERATIONS``, with the values of ``tensor``."""
    return OPERATIONS[operation](tensor)
