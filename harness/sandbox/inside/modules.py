"""Makes a module as a call asks for it: in a dtype, with the parameters that it is given."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

# Further parameters, and those there are, that an error names.
MOST_NAMED = 8
# Relative error of an initial value that was made in float32.
INITIAL_ERROR = 1e-6


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
    for key, one in every.items():
        if nn.parameter.is_lazy(one):
            raise ParameterError(
                f"the parameter {key!r} of {name} is made at the first call, expected it as soon "
                "as the instance is there"
            )
    found: dict[str, nn.Parameter] = {}
    for key, (like, trained) in wanted.items():
        had = every.get(key)
        if had is None:
            if key in dict(module.named_buffers(remove_duplicate=False)):
                raise ParameterError(
                    f"{name} has a buffer {key!r}, expected a parameter: it is never trained"
                )
            raise ParameterError(
                f"{name} has no parameter {key!r}; it has {_listed(every)}. It must be there "
                "whatever the constructor is given"
            )
        if had.shape != like.shape:
            raise ParameterError(
                f"the parameter {key!r} of {name} has shape {tuple(had.shape)}, expected shape "
                f"{tuple(like.shape)}"
            )
        if trained and not had.requires_grad:
            raise ParameterError(
                f"the parameter {key!r} of {name} does not require grad: it is never trained"
            )
        found[key] = had
    # One that is shared inside goes by each of its names.
    known = set(map(id, found.values()))
    others = {key: one for key, one in every.items() if id(one) not in known}
    if others:
        raise ParameterError(
            f"{name} has a parameter {_listed(others)} that was not asked for, expected "
            f"{', '.join(map(repr, wanted)) or 'none'} alone"
        )
    return found


def refuse_beginning(
    found: Mapping[str, nn.Parameter],
    name: str,
    initial: Mapping[str, float],
    frozen: Sequence[str],
) -> None:
    """Raise ``ParameterError`` for parameters that do not begin as they have to.

    Each that is in ``initial`` has that value all over, and those in ``frozen`` require no grad.
    """
    for key, value in initial.items():
        # One that is made in float32 is as near as that allows.
        near = (found[key].detach() - value).abs() <= INITIAL_ERROR * abs(value)
        if not near.all():
            other = found[key].detach()[~near].flatten()[0].item()
            raise ParameterError(
                f"the parameter {key!r} of {name} begins with {other:g} in it, expected {value:g} "
                "all over"
            )
    for key in frozen:
        if found[key].requires_grad:
            raise ParameterError(
                f"the parameter {key!r} of {name} requires grad, expected requires_grad=False: it "
                "is frozen"
            )


def changed(
    module: nn.Module,
    own: Mapping[str, nn.Parameter],
    values: Sequence[torch.Tensor],
    how: str | None,
) -> nn.Module:
    """The module to go on with, whose parameters have new values.

    They come in place, as by a ``step``, by a state_dict to ``load``, or into a ``copy``. Raises
    ``ValueError`` for no way to do so.
    """
    if how == "step":
        set_to(list(own.values()), values)
    elif how == "copy":
        found = copy.deepcopy(module)
        named = dict(found.named_parameters(remove_duplicate=False))
        set_to([named[key] for key in own], values)
        _set_to_zero(list(own.values()))
        return found
    elif how == "load":
        # The state is the module's own, as it may name and keep what it likes there.
        former = [one.detach().clone() for one in own.values()]
        set_to(list(own.values()), values)
        state = module.state_dict()
        for key, value in list(state.items()):
            if isinstance(value, torch.Tensor):
                state[key] = value.clone()
        set_to(list(own.values()), former)
        module.load_state_dict(state)
    elif how is not None:
        raise ValueError(f"unknown change {how!r}")
    return module


def set_to(targets: Sequence[torch.Tensor], values: Sequence[torch.Tensor]) -> None:
    """Write new values, as an optimiser does."""
    with torch.no_grad():
        for target, value in zip(targets, values, strict=True):
            target.copy_(value)


def _set_to_zero(copied: Sequence[torch.Tensor]) -> None:
    """What a copy shares with the first one is not its own, and shows so."""
    set_to(copied, [torch.zeros_like(one) for one in copied])


def _listed(parameters: Mapping[str, torch.Tensor]) -> str:
    some = list(parameters.items())[:MOST_NAMED]
    return ", ".join(f"{key!r} {tuple(one.shape)}" for key, one in some) or "none"


def treated(module: nn.Module, manner: str | None, again: Callable[[], nn.Module]) -> nn.Module:
    """The module after something that must leave what it computes as it is.

    ``again`` makes another one with the same arguments. Raises ``ValueError`` for no manner.
    """
    match manner:
        case None | "fresh":
            return module
        case "train":
            return module.eval().train()
        case "eval":
            return module.eval()
        case "copied":
            found = copy.deepcopy(module)
            _set_to_zero(list(module.parameters()))
            return found
        case "restored":
            found = again()
            found.load_state_dict(module.state_dict())
            return found
    raise ValueError(f"unknown manner {manner!r}")
