"""The layers a checkpointed block is tried on, built alike on both sides of the socket."""

from collections.abc import Callable

import torch
from torch import nn


class Residual(nn.Module):
    """A transformer-style feed-forward block with a skip connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.rise = nn.Linear(width, 2 * width)
        self.fall = nn.Linear(2 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = x + self.fall(torch.tanh(self.rise(self.norm(x))))
        return result


def scale(x: torch.Tensor) -> torch.Tensor:
    """A layer that is a plain function."""
    return x * 1.5


Layer = Callable[[torch.Tensor], torch.Tensor]
MAKERS: dict[str, Callable[[int], Layer]] = {
    "linear": lambda width: nn.Linear(width, width),
    "layer_norm": nn.LayerNorm,
    "residual": Residual,
    "dropout": lambda width: nn.Dropout(0.4),
    "dropout_off": lambda width: nn.Dropout(0.4).eval(),
    "gelu": lambda width: nn.GELU(),
    "tanh": lambda width: torch.tanh,
    "scale": lambda width: scale,
    "silu": lambda width: nn.functional.silu,
    # Between these two the width is another.
    "rise": lambda width: nn.Linear(width, width + 3),
    "fall": lambda width: nn.Linear(width + 3, width),
}


def build(stack: list[str], width: int, dtype: torch.dtype) -> list[Layer]:
    """Layers for inputs (…, ``width``); ``again`` is the first of them once more."""
    made: list[Layer] = []
    for name in stack:
        layer = made[0] if name == "again" else MAKERS[name](width)
        made.append(layer.to(dtype) if isinstance(layer, nn.Module) else layer)
    return made


def parameters(layers: list[Layer]) -> list[nn.Parameter]:
    """Every trainable parameter of the layers once, in order."""
    modules = [layer for layer in layers if isinstance(layer, nn.Module)]
    return list(dict.fromkeys(p for module in modules for p in module.parameters()))
