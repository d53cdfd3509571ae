"""The function under test beside its reference: both called in the same way.

What is asked is a function of real tensors and numbers with one real tensor for its result.
What people write takes and returns more than that; ``Subject`` translates.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

import torch
from torch.utils import _pytree as pytree

from harness.errors import UsageError
from harness.library.arguments import (
    Arguments,
    Built,
    Piece,
    Values,
    check_untouched,
    copied,
)
from harness.library.state import State

Function = Callable[..., Any]
# What a gradient by contract may come as.
Gradients = torch.Tensor | Sequence[Any] | Mapping[str, Any] | None
# Beside the seeds that questions hand to the generators.
RANDOM_SEED = 20260714


class ResultKind(Enum):
    """What one of the results is, as the reference gives it."""

    DIFFERENTIABLE = auto()
    # A tensor of numbers without a gradient.
    CONSTANT = auto()
    # An index or a truth value.
    EXACT = auto()
    # No tensor: None, a number, a text.
    OTHER = auto()


class WrongResult(TypeError):
    """A result of another kind than the reference's."""


@dataclass(frozen=True)
class Subject:
    """A function and its reference, with one set of arguments per draw."""

    fn: Function
    reference: Function
    # The contract's gradient where it is not the derivative: (inputs..., grad_outputs...).
    gradient: Callable[..., Gradients] | None
    # By number of draw; more than one where the inputs are made.
    givens: list[Arguments]
    # Whether the last value is the number of a draw.
    numbered: bool = False
    # What the function kept from call to call before it was first called here.
    state: State = field(default_factory=lambda: State(None))
    # Pieces that a call may write to.
    inplace: frozenset[str] = frozenset()
    # Whether the reference draws random numbers.
    random: bool = False
    results: tuple[ResultKind, ...] = ()
    # Per result an expression for it, of what the reference returns: ``{call}["loss"]``.
    taken: tuple[str, ...] = ()
    # Of each result, as the reference gives it; None where it is no tensor.
    dtypes: tuple[torch.dtype | None, ...] = ()
    # What the reference returns, without its tensors.
    structure: Any = None
    # Names of buffers that the call changes and that module and reference both have.
    buffers: tuple[str, ...] = ()

    @property
    def pieces(self) -> list[Piece]:
        """What is drawn."""
        return self.givens[0].pieces

    def given(self, values: Values) -> tuple[Arguments, Values]:
        """The arguments that the values belong to, and the values of the pieces."""
        if not self.numbered:
            return self.givens[0], values
        return self.givens[values[-1]], values[:-1]

    # ----------------------------------------------------------------------
    # Calls

    def call_fn(self, values: Values, *, as_is: bool = False) -> tuple[list[Any], Built]:
        """Results of the function; with ``as_is`` what it writes to is no clone."""
        found, built, _ = self._call_fn(values, as_is=as_is)
        return pytree.tree_leaves(in_order(found, self.structure)), built

    def _call_fn(self, values: Values, *, as_is: bool = False) -> tuple[Any, Built, Any]:
        """What the function returns, its arguments, and what was called."""
        given, values = self.given(values)
        built = given.build(values, cloned=frozenset() if as_is else self.inplace)
        target = self.fn
        if given.module is not None:
            target = copied(given.module, built.memo, _dtype(values))
        called = target
        keywords = built.keywords
        positional = built.positional
        if isinstance(target, type):
            if keywords:
                positional, keywords = _in_order(target, positional, keywords), {}
            target = getattr(target, "apply")  # noqa: B009
        with self._random_numbers():
            found = target(*positional, **keywords)
        if not as_is:
            check_untouched(built.guards)
        return found, built, called

    def call_reference(self, values: Values) -> tuple[list[Any], Built]:
        """Results of the reference."""
        found, built, _ = self._call_reference(values)
        return pytree.tree_leaves(found), built

    def _call_reference(
        self, values: Values, buffers: Mapping[str, torch.Tensor] | None = None
    ) -> tuple[Any, Built, Any]:
        """What the reference returns, its arguments, and what was called."""
        called: Any = self.reference
        given, values = self.given(values)
        built = given.build(values)
        module = given.module
        with self._random_numbers(), self._exact(_dtype(values)):
            if isinstance(self.reference, torch.nn.Module):
                memo = dict(built.memo)
                mine = dict(module.named_parameters()) if module is not None else {}
                for name, parameter in self.reference.named_parameters():
                    if name in mine:
                        memo[id(parameter)] = built.memo[id(mine[name])]
                called = target = copied(self.reference, memo, _dtype(values))
                for name, buffer in target.named_buffers():
                    if buffers is not None and name in buffers:
                        buffer.copy_(buffers[name])
                found = target(*built.positional, **built.keywords)
            elif module is None:
                found = self.reference(*built.positional, **built.keywords)
            elif _takes_parameters(self.reference, given):
                of_module = built.pieces[len(built.pieces) - len(given.of_module) :]
                named = {p.name: v for p, v in zip(given.of_module, of_module, strict=True)}
                found = self.reference(*built.positional, **{**built.keywords, **named})
            else:
                with _swapped(module, built.memo, _dtype(values)):
                    found = self.reference(*built.positional, **built.keywords)
        return found, built, called

    # ----------------------------------------------------------------------
    # Buffers of a module

    def fn_buffers(self, *values: Any) -> torch.Tensor:
        """What the call leaves in the buffers of the module."""
        return self._buffers(self._call_fn(values)[2], values)

    def reference_buffers(self, *values: Any) -> torch.Tensor:
        """The same of the reference, which begins with the buffers that the module has."""
        module = self.givens[0].module
        own = dict(module.named_buffers()) if module is not None else {}
        return self._buffers(self._call_reference(values, own)[2], values)

    def _buffers(self, module: torch.nn.Module, values: Values) -> torch.Tensor:
        found = dict(module.named_buffers())
        dtype = _dtype(values)
        flat = [real(found[name].detach(), dtype).reshape(-1) for name in self.buffers]
        return torch.cat([one.to(dtype) for one in flat])

    def changed_buffers(self, values: Values) -> tuple[set[str], set[str]]:
        """Names of buffers that calls of the module and of the reference change."""
        changed: list[set[str]] = []
        for call, module in (
            (self._call_fn, self.givens[0].module),
            (self._call_reference, self.reference),
        ):
            before = dict(module.named_buffers()) if isinstance(module, torch.nn.Module) else {}
            after = dict(call(values)[2].named_buffers()) if before else {}
            changed.append(
                {
                    name
                    for name, buffer in before.items()
                    if name in after and not torch.equal(after[name], buffer.to(after[name].dtype))
                }
            )
        return changed[0], changed[1]

    @contextmanager
    def _random_numbers(self) -> Iterator[None]:
        """Both functions draw the same random numbers, and leave the generators as they were."""
        if not self.random:
            yield
            return
        devices = {p.device for p in self.pieces if p.device.type == "cuda"}
        with torch.random.fork_rng(list(devices)):
            torch.manual_seed(RANDOM_SEED)
            yield

    @contextmanager
    def _exact(self, dtype: torch.dtype) -> Iterator[None]:
        """What the reference makes of its own, such as a constant, is as exact as the rest."""
        before = torch.get_default_dtype()
        # Random numbers of another dtype would be others than the function draws.
        torch.set_default_dtype(before if self.random or dtype != torch.float64 else dtype)
        try:
            yield
        finally:
            torch.set_default_dtype(before)

    # ----------------------------------------------------------------------
    # One result of them

    def fn_result(self, *values: Any, of: int) -> Any:
        """One result of the function as a real tensor; the function's own where it is one."""
        leaves, built = self.call_fn(values)
        self._check_count(leaves)
        if self.results[of] is ResultKind.OTHER:
            return leaves[of]
        if len(leaves) > 1 and not isinstance(leaves[of], torch.Tensor):
            kind = type(leaves[of]).__name__
            raise WrongResult(f"result {of} is a {kind}, expected a tensor")
        if self.results[of] is ResultKind.EXACT and leaves[of].dtype is not self.dtypes[of]:
            raise WrongResult(
                f"result {of} is of {leaves[of].dtype}, expected {self.dtypes[of]} as the "
                "reference gives"
            )
        return self._alone(leaves[of], of, built, _dtype(values))

    def reference_result(self, *values: Any, of: int) -> torch.Tensor:
        """The same of the reference."""
        leaves, built = self.call_reference(values)
        found: torch.Tensor = self._alone(leaves[of], of, built, _dtype(values))
        return found

    def _alone(self, leaf: Any, of: int, built: Built, dtype: torch.dtype) -> Any:
        if not isinstance(leaf, torch.Tensor):
            return leaf
        found = real(leaf, dtype)
        if self.results[of] is ResultKind.CONSTANT:
            for piece, value in zip(self.pieces, built.pieces, strict=False):
                if piece.differentiable and value.requires_grad:
                    found = found + 0 * real(value, dtype).sum()
        return found

    def fn_together(self, *values: Any) -> torch.Tensor:
        """All differentiable results of the function, one after the other."""
        leaves, _ = self.call_fn(values)
        self._check_count(leaves)
        return self._joined(leaves, _dtype(values))

    def reference_together(self, *values: Any) -> torch.Tensor:
        """The same of the reference."""
        return self._joined(self.call_reference(values)[0], _dtype(values))

    def _joined(self, leaves: Sequence[Any], dtype: torch.dtype) -> torch.Tensor:
        chosen = [
            real(leaf, dtype).reshape(-1)
            for leaf, kind in zip(leaves, self.results, strict=True)
            if kind is ResultKind.DIFFERENTIABLE
        ]
        return torch.cat(chosen)

    def _check_count(self, leaves: Sequence[Any]) -> None:
        if len(leaves) != len(self.results):
            raise WrongResult(
                f"the function returns {len(leaves)} results, expected {len(self.results)} as "
                "the reference does"
            )

    # ----------------------------------------------------------------------
    # A gradient by contract

    def contract(self, of: int | None) -> Callable[..., tuple[torch.Tensor | None, ...]] | None:
        """``(cotangent, *values) -> gradients`` for one result, or for all together."""
        if self.gradient is None:
            return None

        def vjp(cotangent: torch.Tensor, *values: Any) -> tuple[torch.Tensor | None, ...]:
            assert self.gradient is not None
            with torch.no_grad():
                leaves, _ = self.call_reference(values)
            given, mine = self.given(values)
            built = given.build(mine)
            with self._random_numbers():
                found = self.gradient(
                    *built.positional, *self._incoming(leaves, cotangent, of), **built.keywords
                )
            return tuple(_aligned(found, given))

        return vjp

    def _incoming(
        self, leaves: Sequence[Any], cotangent: torch.Tensor, of: int | None
    ) -> list[torch.Tensor]:
        """An incoming gradient per result, zero for those that are not used."""
        found: list[torch.Tensor] = []
        rest = cotangent.reshape(-1)
        for index, (leaf, kind) in enumerate(zip(leaves, self.results, strict=True)):
            if kind not in (ResultKind.DIFFERENTIABLE, ResultKind.CONSTANT):
                continue
            like = real(leaf, cotangent.dtype)
            if of is None and kind is ResultKind.DIFFERENTIABLE:
                mine = rest[: like.numel()].reshape(like.shape)
                rest = rest[like.numel() :]
            else:
                mine = cotangent if index == of else torch.zeros_like(like)
            mine = torch.view_as_complex(mine.contiguous()) if leaf.is_complex() else mine
            found.append(mine.to(leaf.device))
        return found


def inspected(subject: Subject, values: Values) -> Subject:
    """The subject with what a run of its reference shows; raises ``UsageError``.

    ``values`` are float64 tensors of which those that are differentiable require grad.
    """
    returned = _run(subject, values)
    leaves = pytree.tree_leaves(returned)
    kinds = tuple(_kind(leaf, subject.gradient is not None) for leaf in leaves)
    known = (ResultKind.DIFFERENTIABLE, ResultKind.CONSTANT)
    if not any(kind in known for kind in kinds):
        got = ", ".join(type(leaf).__name__ for leaf in leaves) or "nothing"
        raise UsageError(
            f"the reference returns {got}, expected one tensor of floating-point numbers or "
            "several, as the function does"
        )
    numbers = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    state = torch.random.get_rng_state()
    try:
        torch.manual_seed(RANDOM_SEED)
        again = [
            r for r in pytree.tree_leaves(_run(subject, values)) if isinstance(r, torch.Tensor)
        ]
        moved = not torch.equal(torch.random.get_rng_state(), _seeded(RANDOM_SEED))
    finally:
        torch.random.set_rng_state(state)
    same = len(again) == len(numbers) and all(
        a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())
        for a, b in zip(numbers, again, strict=True)
    )
    dtypes = tuple(leaf.dtype if isinstance(leaf, torch.Tensor) else None for leaf in leaves)
    structure = pytree.tree_map(lambda _: None, returned)
    return replace(
        subject,
        results=kinds,
        taken=tuple(_taken(returned)),
        random=moved or not same,
        dtypes=dtypes,
        structure=structure,
    )


def in_order(found: Any, like: Any) -> Any:
    """What was returned, with mappings in the order in which ``like`` has their keys.

    Raises ``WrongResult`` for other keys.
    """
    if isinstance(found, Mapping) and isinstance(like, Mapping):
        if set(found) != set(like):
            keys, wanted = (", ".join(map(str, one)) for one in (found, like))
            raise WrongResult(f"the result has the keys {keys}, expected {wanted}")
        return [in_order(found[key], like[key]) for key in like]
    several = isinstance(found, tuple | list) and isinstance(like, tuple | list)
    if several and len(found) == len(like):
        return [in_order(one, other) for one, other in zip(found, like, strict=True)]
    return found


def _taken(returned: Any) -> Iterator[str]:
    """Per result the expression that takes it out of what a call returns, as real numbers."""
    for path, leaf in pytree.tree_flatten_with_path(returned)[0]:
        found = "{call}" + pytree.keystr(path)
        if isinstance(leaf, torch.Tensor) and leaf.layout is not torch.strided:
            found += ".to_dense()"
        complex_ = isinstance(leaf, torch.Tensor) and leaf.is_complex()
        yield f"torch.view_as_real({found}.resolve_conj())" if complex_ else found


def _seeded(seed: int) -> torch.Tensor:
    return torch.Generator().manual_seed(seed).get_state()


def _run(subject: Subject, values: Values) -> Any:
    try:
        with torch.enable_grad():
            return subject._call_reference(values)[0]
    except Exception as error:
        raise UsageError(
            f"the reference raises for the example: {type(error).__name__}: {error}; it is "
            "called with the same arguments as the function under test, in float64"
        ) from error


def writes_to(subject: Subject, values: Values) -> frozenset[str]:
    """Pieces that the function overwrites and returns, as ``ctx.mark_dirty`` declares."""
    given, mine = subject.given(values)
    # The results of an operation: no leaf may be written to, and none was so far.
    inner = [v * 1 if isinstance(v, torch.Tensor) else v for v in mine]
    try:
        with torch.enable_grad():
            leaves, built = subject.call_fn([*inner, *values[len(mine) :]], as_is=True)
    except Exception:
        return frozenset()  # it is seen again when it is asked
    return frozenset(
        piece.name
        for piece, handed in zip(given.pieces, built.pieces, strict=True)
        if isinstance(handed, torch.Tensor)
        and handed._version
        and any(leaf is handed for leaf in leaves)
    )


def strangers(leaves: Sequence[Any], known: Sequence[Any]) -> list[torch.Tensor]:
    """Leaves behind the results that require grad and are not among the arguments."""
    waiting = [leaf.grad_fn for leaf in leaves if isinstance(leaf, torch.Tensor)]
    seen: set[Any] = set()
    ids = {id(value) for value in known}
    found: list[torch.Tensor] = []
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if isinstance(variable, torch.Tensor) and id(variable) not in ids:
            found.append(variable)
        waiting += [parent for parent, _ in node.next_functions]
    return found


def functions_behind(leaves: Sequence[Any]) -> list[type[torch.autograd.Function]]:
    """The Functions that made the results."""
    return list(dict.fromkeys(node._forward_cls for node in nodes_of_functions(leaves)))


def nodes_of_functions(leaves: Sequence[Any]) -> list[Any]:
    """The nodes of Functions behind the results, in an order that is the same for every call."""
    waiting = [leaf.grad_fn for leaf in leaves if isinstance(leaf, torch.Tensor)]
    seen: set[Any] = set()
    found: list[Any] = []
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if getattr(node, "_forward_cls", None) is not None:
            found.append(node)
        waiting += [parent for parent, _ in node.next_functions]
    return found


def with_several_results(leaves: Sequence[Any]) -> list[tuple[int, int]]:
    """Of those nodes the ones that made several tensors: their places, and how many they made."""
    counts: dict[int, int] = {}
    nodes = nodes_of_functions(leaves)
    for place, node in enumerate(nodes):
        node.register_prehook(lambda gradients, at=place: counts.update({at: len(gradients)}))
    for leaf in leaves:
        if isinstance(leaf, torch.Tensor) and leaf.requires_grad:
            torch.autograd.backward([leaf], [torch.ones_like(leaf)], retain_graph=True)
    return [(place, count) for place, count in sorted(counts.items()) if count > 1]


def real(leaf: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A tensor of real numbers on the CPU; ``leaf`` itself where it is one."""
    if leaf.layout is not torch.strided:
        leaf = leaf.to_dense()
    if leaf.is_complex():
        leaf = torch.view_as_real(leaf.resolve_conj())
    elif not leaf.is_floating_point():
        leaf = leaf.to(dtype)
    return leaf if leaf.device.type == "cpu" else leaf.cpu()


def _kind(leaf: Any, by_contract: bool) -> ResultKind:
    if not isinstance(leaf, torch.Tensor):
        return ResultKind.OTHER
    if not (leaf.is_floating_point() or leaf.is_complex()):
        return ResultKind.EXACT
    return ResultKind.DIFFERENTIABLE if leaf.requires_grad or by_contract else ResultKind.CONSTANT


def _dtype(values: Values) -> torch.dtype:
    """That of the tensors that are asked."""
    return next((v.dtype for v in values if isinstance(v, torch.Tensor)), torch.float64)


def _aligned(found: Gradients, given: Arguments) -> Iterator[torch.Tensor | None]:
    """One gradient per tensor that is drawn, whatever the contract's gradient came as."""
    tensors = [piece for piece in given.pieces if piece.is_tensor]
    for gradient in _per_piece(found, given, tensors):
        complex_ = isinstance(gradient, torch.Tensor) and gradient.is_complex()
        gradient = torch.view_as_real(gradient.resolve_conj()) if complex_ else gradient
        yield gradient.cpu() if isinstance(gradient, torch.Tensor) else None


def _per_piece(found: Gradients, given: Arguments, tensors: Sequence[Piece]) -> list[Any]:
    if isinstance(found, Mapping):
        return [found.get(piece.name) for piece in tensors]
    several = list(found) if isinstance(found, tuple | list) else [found]
    by_argument = given.top_level()
    taking = [pieces for pieces in by_argument if any(p.is_tensor for p in pieces)]
    for places in (by_argument, taking):
        if len(several) == len(places):
            per: dict[str, Any] = {}
            for pieces, gradient in zip(places, several, strict=True):
                mine = [p for p in pieces if p.is_tensor]
                parts = pytree.tree_leaves(gradient)
                if len(parts) == len(mine):
                    per |= {p.name: part for p, part in zip(mine, parts, strict=True)}
            return [per.get(piece.name) for piece in tensors]
    if len(several) == len(tensors):
        return several
    wanted = [piece for piece in tensors if piece.differentiable]
    if len(several) == len(wanted):
        by_name = {p.name: g for p, g in zip(wanted, several, strict=True)}
        return [by_name.get(piece.name) for piece in tensors]
    raise UsageError(
        f"gradient= returned {len(several)} gradients, expected {len(by_argument)}: one for each "
        "input, None for what has none"
    )


def _in_order(cls: type, positional: Sequence[Any], keywords: Mapping[str, Any]) -> tuple[Any, ...]:
    """``Function.apply`` takes no keywords."""
    parameters = list(inspect.signature(getattr(cls, "forward")).parameters.values())  # noqa: B009
    if getattr(cls, "setup_context") is torch.autograd.function._SingleLevelFunction.setup_context:  # noqa: B009
        parameters = parameters[1:]
    bound = inspect.Signature(parameters).bind(*positional, **keywords)
    bound.apply_defaults()
    return (*bound.args, *bound.kwargs.values())


def _takes_parameters(reference: Function, given: Arguments) -> bool:
    """Whether the parameters of the module are parameters of the reference."""
    try:
        taken = inspect.signature(reference).parameters
    except (TypeError, ValueError):
        return False
    return bool(given.of_module) and all(piece.name in taken for piece in given.of_module)


@contextmanager
def _swapped(
    module: torch.nn.Module, memo: Mapping[int, Any], dtype: torch.dtype
) -> Iterator[None]:
    """Lets a reference that reads the module itself find other parameters there for a while."""
    undo: list[tuple[dict[str, Any], str, Any]] = []
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None and id(parameter) in memo:
                undo.append((part._parameters, name, parameter))
        for name, buffer in part._buffers.items():
            if buffer is not None and buffer.is_floating_point():
                undo.append((part._buffers, name, buffer))
    try:
        for holder, name, old in undo:
            holder[name] = memo[id(old)] if id(old) in memo else old.to(dtype, copy=True)
        yield
    finally:
        for holder, name, old in undo:
            holder[name] = old


def example_values(subject: Subject, dtype: torch.dtype) -> list[Any]:
    """The example's values, as leaves of the dtype."""
    values = [
        piece.value.to(dtype, copy=True).requires_grad_(piece.differentiable)
        if isinstance(piece.value, torch.Tensor)
        else piece.value
        for piece in subject.pieces
    ]
    return [*values, 0] if subject.numbered else values
