"""Arguments as the caller gave them: which parts of them are drawn, and how to put them together.

A part that is drawn is a ``Piece``: a number, a tensor, the two halves of a complex one, the
values of a sparse one, a parameter of a module. Everything else keeps its value.
"""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NamedTuple, TypeGuard

import torch
from torch.utils import _pytree as pytree

from harness.errors import UsageError

Values = Sequence[Any]


class Form(Enum):
    """What a piece is part of."""

    NUMBER = auto()
    TENSOR = auto()
    # The last dimension, of size 2, holds the real and the imaginary part.
    COMPLEX = auto()
    # The values of the elements that are not zero.
    SPARSE = auto()
    PARAMETER = auto()


@dataclass(frozen=True)
class Piece:
    """One thing that is drawn."""

    # Name of the argument that is drawn, an identifier.
    name: str
    # Parameter of the reference that it belongs to; its own name for a parameter of a module.
    top: str
    form: Form
    # The example: a number, or a strided tensor of real numbers on the CPU.
    value: torch.Tensor | float | int
    # Whether a gradient is asked for.
    differentiable: bool
    # Where the function wants it.
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_tensor(self) -> bool:
        return self.form is not Form.NUMBER

    @property
    def own_shape(self) -> tuple[int, ...]:
        """The sizes that may vary: those of the argument, without the halves of a complex one."""
        assert isinstance(self.value, torch.Tensor)
        shape = tuple(self.value.shape)
        return shape[:-1] if self.form is Form.COMPLEX else shape


class Guard(NamedTuple):
    """A tensor that was handed over as a copy, to see whether it is written to."""

    name: str
    tensor: torch.Tensor
    version: int


class Built(NamedTuple):
    """Arguments that are ready to be handed over."""

    positional: tuple[Any, ...]
    keywords: dict[str, Any]
    # For ``copy.deepcopy``: original parameter -> what stands for it.
    memo: dict[int, Any]
    guards: list[Guard]
    # Per piece the tensor or number as it is handed over.
    pieces: list[Any]


class WrittenTo(RuntimeError):
    """An argument that must stay as it is was written to."""


class Arguments:
    """One set of arguments, taken apart."""

    def __init__(
        self,
        names: Sequence[str],
        inputs: Sequence[Any],
        keywords: Mapping[str, Any],
        module: torch.nn.Module | None,
        no_gradient: Sequence[str] = (),
    ) -> None:
        self.inputs = tuple(inputs)
        self.keywords = dict(keywords)
        self.module = module
        found, self._spec = pytree.tree_flatten_with_path((self.inputs, self.keywords))
        self._leaves = [leaf for _, leaf in found]
        self._names = [_name(path, names) for path, _ in found]
        given = [*self._leaves, *(module.parameters() if module is not None else ())]
        # As gradcheck does: where some of the tensors require grad, the others are constants.
        self._chosen = any(
            isinstance(v, torch.Tensor)
            and v.requires_grad
            and not isinstance(v, torch.nn.Parameter)
            for v in given
        )
        self._no_gradient = set(no_gradient)
        self._per_leaf: list[list[Piece]] = []
        self._originals: list[torch.Tensor] = []
        taken: set[str] = set()
        for name, leaf, (path, _) in zip(self._names, self._leaves, found, strict=True):
            self._per_leaf.append(list(self._pieces_of(leaf, name, _top(path, names), taken)))
        own = self._parameters(module, "", taken) if module is not None else ()
        self.of_module = list(own)
        self.pieces = [p for pieces in self._per_leaf for p in pieces] + self.of_module

    def _pieces_of(self, leaf: Any, name: str, top: str, taken: set[str]) -> Iterator[Piece]:
        if isinstance(leaf, torch.nn.Module):
            yield from self._parameters(leaf, f"{name}_", taken)
            return
        form = _form(leaf)
        if form is None:
            return
        constant = bool({name, top} & self._no_gradient)
        if not isinstance(leaf, torch.Tensor):
            yield Piece(_free(name, taken), top, form, leaf, False)
            return
        wanted = form is not Form.SPARSE and not constant
        if self._chosen and not leaf.requires_grad:
            wanted = False
        yield Piece(_free(name, taken), top, form, _drawn(leaf, form), wanted, leaf.device)

    def _parameters(self, module: torch.nn.Module, before: str, taken: set[str]) -> Iterator[Piece]:
        for path, parameter in module.named_parameters():
            if any(parameter is known for known in self._originals):
                continue  # shared with another module
            if not parameter.is_floating_point():
                continue
            self._originals.append(parameter)
            name = _free(before + _identifier(path), taken)
            wanted = parameter.requires_grad and name not in self._no_gradient
            value = parameter.detach().cpu()
            yield Piece(name, name, Form.PARAMETER, value, wanted, parameter.device)

    @property
    def kept(self) -> list[tuple[str, Any]]:
        """What is handed over as it is, with its name."""
        return [
            (name, leaf)
            for name, leaf, pieces in zip(self._names, self._leaves, self._per_leaf, strict=True)
            if not pieces and not isinstance(leaf, torch.nn.Module)
        ]

    @property
    def modules(self) -> list[torch.nn.Module]:
        """The modules among the arguments, the function itself first where it is one."""
        among = [leaf for leaf in self._leaves if isinstance(leaf, torch.nn.Module)]
        return ([] if self.module is None else [self.module]) + among

    def build(self, values: Values, *, cloned: frozenset[str] = frozenset()) -> Built:
        """The arguments with ``values`` for the pieces; those named in ``cloned`` as clones."""
        rest = iter(zip(self.pieces, values, strict=True))
        guards: list[Guard] = []
        handed: list[Any] = []
        memo: dict[int, Any] = {}
        originals = iter(self._originals)
        new: list[Any] = []
        for leaf, pieces in zip(self._leaves, self._per_leaf, strict=True):
            if isinstance(leaf, torch.nn.Module):
                for _ in pieces:
                    piece, value = next(rest)
                    memo[id(next(originals))] = moved = value.to(piece.device)
                    handed.append(moved)
                new.append(leaf)
            elif pieces:
                piece, value = next(rest)
                given = _made(piece, leaf, value)
                if piece.name in cloned:
                    given = given.clone()
                elif (
                    isinstance(given, torch.Tensor) and given is not value and not given._is_view()
                ):
                    guards.append(Guard(piece.name, given, given._version))
                handed.append(given)
                new.append(given)
            elif isinstance(leaf, torch.Tensor):
                given = leaf.detach().clone()
                guards.append(Guard("an argument without gradient", given, given._version))
                new.append(given)
            else:
                new.append(leaf)
        for _ in self.of_module:
            piece, value = next(rest)
            memo[id(next(originals))] = moved = value.to(piece.device)
            handed.append(moved)
        dtype = next((v.dtype for v in values if isinstance(v, torch.Tensor)), torch.float64)
        new = [copied(v, memo, dtype) if isinstance(v, torch.nn.Module) else v for v in new]
        positional, keywords = pytree.tree_unflatten(new, self._spec)
        return Built(positional, keywords, memo, guards, handed)

    def top_level(self) -> list[list[Piece]]:
        """Per positional argument the pieces in it."""
        counts = [len(pytree.tree_leaves(value)) for value in self.inputs]
        rest = iter(self._per_leaf)
        return [[p for _ in range(count) for p in next(rest)] for count in counts]


def copied(module: torch.nn.Module, memo: dict[int, Any], dtype: torch.dtype) -> torch.nn.Module:
    """A copy of ``module`` that holds what ``memo`` has for its parameters."""
    fresh = copy.deepcopy(module, dict(memo))
    for part in fresh.modules():
        for name, buffer in part._buffers.items():
            if buffer is not None and buffer.is_floating_point():
                part._buffers[name] = buffer.to(dtype)
    return fresh


def check_untouched(guards: Sequence[Guard]) -> None:
    """Raise ``WrittenTo`` where a function wrote to what it was handed."""
    for name, tensor, version in guards:
        if tensor._version != version:
            raise WrittenTo(f"the call writes to {name}")


def parameter_names(reference: Callable[..., Any], count: int) -> list[str]:
    """Names of the reference's first parameters; raises ``UsageError`` where it takes fewer."""
    try:
        parameters = list(inspect.signature(reference).parameters.values())
    except (TypeError, ValueError):  # builtins show no signature
        parameters = []
    named = [
        p.name
        for p in parameters
        if p.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    ]
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters) or not parameters:
        named += [f"x{i}" for i in range(len(named), count)]
    if len(named) < count:
        raise UsageError(
            f"harness.check was given {count} inputs, the reference takes {len(named)}; give one "
            "example for each parameter, in order"
        )
    return named[:count]


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a Python number that can be drawn; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _form(leaf: object) -> Form | None:
    if is_number(leaf):
        return Form.NUMBER
    if not isinstance(leaf, torch.Tensor):
        return None
    if leaf.layout in (torch.sparse_coo, torch.sparse_csr):
        return Form.SPARSE if leaf.is_floating_point() else None
    if leaf.layout is not torch.strided:
        return None
    if leaf.is_complex():
        return Form.COMPLEX
    return Form.TENSOR if leaf.is_floating_point() else None


def _drawn(leaf: torch.Tensor, form: Form) -> torch.Tensor:
    leaf = leaf.detach().cpu()
    if form is Form.COMPLEX:
        return torch.view_as_real(leaf.resolve_conj())
    if form is Form.SPARSE:
        return (leaf.coalesce() if leaf.layout is torch.sparse_coo else leaf).values()
    return leaf


def _made(piece: Piece, leaf: Any, value: Any) -> Any:
    """What the function is handed for the drawn ``value``."""
    if piece.form is Form.NUMBER:
        return value
    if piece.form is Form.SPARSE:
        return _sparse(leaf, value).to(piece.device)
    value = value.to(piece.device)
    if piece.form is not Form.COMPLEX:
        return value
    even = all(stride % 2 == 0 for stride in value.stride()[:-1])
    if even and value.stride(-1) == 1 and value.storage_offset() % 2 == 0:
        return torch.view_as_complex(value)
    # Other places in memory no complex tensor can have.
    return torch.complex(value[..., 0], value[..., 1])


def _sparse(leaf: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    if leaf.layout is torch.sparse_coo:
        at = leaf.coalesce().indices().cpu()
        return torch.sparse_coo_tensor(
            at, value, leaf.shape, is_coalesced=True, check_invariants=False
        )
    rows, columns = leaf.crow_indices().cpu(), leaf.col_indices().cpu()
    return torch.sparse_csr_tensor(rows, columns, value, leaf.shape, check_invariants=False)


def _top(path: tuple[Any, ...], names: Sequence[str]) -> str:
    which, key = path[0].idx, path[1]
    return str(key.key) if which else names[key.idx]


def _name(path: tuple[Any, ...], names: Sequence[str]) -> str:
    return _identifier("_".join([_top(path, names), *(_step(key) for key in path[2:])]))


def _step(key: Any) -> str:
    """One step into a list, a mapping or a named tuple."""
    return str(next(getattr(key, kind) for kind in ("idx", "key", "name") if hasattr(key, kind)))


def _identifier(text: str) -> str:
    found = re.sub(r"\W", "_", text)
    return found if found.isidentifier() else f"x{found}"


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name
