"""Makes a module as a call asks for it: in a dtype, with the parameters that it is given."""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

# Further parameters, and those there are, that an error names.
MOST_NAMED = 8


class ParameterError(TypeError):
    """A module with other parameters than those that were asked for."""


def made(build: Callable[[], Any], name: str, dtype: torch.dtype) -> nn.Module:
    """The instance that ``build`` makes, in ``dtype``. Raises ``TypeError`` for no module.

    What it computes from its arguments it computes in float64 where that is asked.
    """
    with _default_dtype(dtype if dtype is torch.float64 else torch.float32):
        found = build()
    if not isinstance(found, nn.Module):
        raise TypeError(f"{name}(...) is a {type(found).__name__}, expected a torch.nn.Module")
    return found.to(dtype)


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def parameters(
    module: nn.Module, name: str, wanted: Mapping[str, tuple[torch.Tensor, bool]]
) -> dict[str, nn.Parameter]:
    """The parameters by name; each is wanted with a shape, and with whether it must be trained.

    Raises ``ParameterError`` where there are others, or of another shape.
    """
    every = dict(module.named_parameters(remove_duplicate=False))
    found: dict[str, nn.Parameter] = {}
    for key, (like, trained) in wanted.items():
        one = every.get(key)
        if one is None:
            if key in dict(module.named_buffers(remove_duplicate=False)):
                raise ParameterError(
                    f"{name} has a buffer {key!r}, expected a parameter: it is never trained"
                )
            raise ParameterError(f"{name} has no parameter {key!r}; it has {_listed(every)}")
        if one.shape != like.shape:
            raise ParameterError(
                f"the parameter {key!r} of {name} has shape {tuple(one.shape)}, expected shape "
                f"{tuple(like.shape)}"
            )
        if trained and not one.requires_grad:
            raise ParameterError(
                f"the parameter {key!r} of {name} does not require grad: it is never trained"
            )
        found[key] = one
    # One that is shared inside goes by each of its names.
    known = set(map(id, found.values()))
    others = {key: one for key, one in every.items() if id(one) not in known}
    if others:
        raise ParameterError(
            f"{name} has a parameter {_listed(others)} that was not asked for, expected "
            f"{', '.join(map(repr, wanted)) or 'none'} alone"
        )
    return found


def _listed(parameters: Mapping[str, torch.Tensor]) -> str:
    some = list(parameters.items())[:MOST_NAMED]
    return ", ".join(f"{key!r} {tuple(one.shape)}" for key, one in some) or "none"


def treated(module: nn.Module, manner: str | None, again: Callable[[], nn.Module]) -> nn.Module:
    """The module after something that must leave what it computes as it is.

    ``again`` makes another one with the same arguments. Raises ``ValueError`` for no manner.
    """
    match manner:
        case None:
            return module
        case "train":
            return module.train()
        case "eval":
            return module.eval()
        case "copied":
            found = copy.deepcopy(module)
            # What a copy shares with the first one is not its own.
            with torch.no_grad():
                for one in module.parameters():
                    one.zero_()
            return found
        case "restored":
            found = again()
            found.load_state_dict(module.state_dict())
            return found
    raise ValueError(f"unknown manner {manner!r}")
