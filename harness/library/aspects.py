"""The ways in which one function is asked: each of its results, in place, vectorised."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.autograd import forward_ad

from harness.library.arguments import Form
from harness.library.subject import ResultKind, Subject, nodes_of_functions, real
from harness.model import NumberArgument, TensorArgument

# What every function is asked; kinds that do not fit it (no kinks, say) leave themselves out.
KINDS = (
    "forward",
    "vjp",
    "gradcheck",
    "requires_grad",
    "dtypes",
    "layouts",
    "shapes",
    "edges",
    "zeros",
    "no_mutation",
    "overwritten",
    "in_graph",
    "repeated_calls",
    "training",
    "released",
    "far_sizes",
    "double_backward",
    "gradgradcheck",
)
# What one result of several is asked where another one was asked all of it.
OF_ANOTHER = ("forward", "vjp", "dtypes", "layouts", "no_mutation", "in_graph", "double_backward")
TOGETHER = ("vjp", "gradcheck", "overwritten", "repeated_calls", "double_backward")
# Points that are asked at once under vmap.
BATCH = 3
FACTOR = 1.5

Arguments = tuple[TensorArgument | NumberArgument, ...]


@dataclass(frozen=True)
class Aspect:
    """One way of asking: functions of real tensors and numbers with one real tensor as result."""

    # Added to the name of the function.
    suffix: str
    # In words, for the report; empty for the usual way.
    words: str
    fn: Callable[..., Any]
    reference: Callable[..., torch.Tensor]
    # The contract's gradient, if it is not the derivative.
    vjp: Callable[..., tuple[torch.Tensor | None, ...]] | None
    arguments: Arguments
    kinds: tuple[str, ...]
    # The call in a snippet: an expression of ``{call}``, or lines of which the last returns it.
    body: str | None = "{call}"
    # Whether its result has a gradient.
    differentiable: bool = True
    # The rule of a Function beside forward and backward that it asks: ``jvp`` or ``vmap``.
    rule: str = ""
    # Whether another one is as good where arguments are equal, as for the place of the largest.
    chooses: bool = False
    # Whether its limits are a thousandth, as what rounding does to it cannot be found out.
    rough: bool = False

    @property
    def has_gradient(self) -> bool:
        """Whether a gradient is asked for."""
        found = [a for a in self.arguments if isinstance(a, TensorArgument) and a.differentiable]
        return self.differentiable and bool(found)


def aspects(
    subject: Subject,
    arguments: Arguments,
    functions: Sequence[type[torch.autograd.Function]],
    several_inside: Sequence[tuple[int, int]],
    made: bool,
) -> Iterator[Aspect]:
    """Every way in which the function is asked; the usual one first."""
    results = subject.results
    wanted = [i for i, kind in enumerate(results) if kind is ResultKind.DIFFERENTIABLE]
    several = len(results) > 1
    for number, of in enumerate(wanted):
        unused = "the others unused" if len(results) > 2 else "the other unused"
        yield _of_result(
            subject,
            arguments,
            of,
            f"result {of} of {len(results)}, {unused}" if several else "",
            KINDS if number == 0 else OF_ANOTHER,
        )
    for of, kind in enumerate(results):
        if kind is ResultKind.EXACT or kind is ResultKind.CONSTANT:
            words = f"result {of} of {len(results)}, which has no gradient"
            kinds = ("forward", "zeros") if kind is ResultKind.EXACT else ("forward", "vjp")
            one = _of_result(subject, arguments, of, words, kinds)
            whole = kind is ResultKind.EXACT and subject.dtypes[of] is not torch.bool
            yield replace(one, chooses=whole)
    if len(wanted) > 1:
        yield Aspect(
            "_together",
            "all results together",
            subject.fn_together,
            subject.reference_together,
            subject.contract(None),
            arguments,
            TOGETHER,
            _together(subject, wanted),
        )
    for of in wanted:
        yield _changed(subject, arguments, of)
    if subject.inplace:
        yield _in_place(subject, arguments, wanted[0])
    for place, count in several_inside if not several else ():
        for result in range(count):
            yield _unused(subject, arguments, wanted[0], place, result)
    if not made and not subject.random and wanted:
        offered = [_offers(function) for function in functions]
        for of in wanted if offered else ():
            rules = [_jvp(subject, arguments, of)] if all(jvp for jvp, _ in offered) else []
            if all(vmap for _, vmap in offered):
                rules += _vmaps(subject, arguments, of)
            for rule in rules:
                yield _told_apart(rule, of) if several else rule
    if subject.buffers:
        yield Aspect(
            "_buffers",
            f"what the call leaves in {', '.join(subject.buffers)}",
            subject.fn_buffers,
            subject.reference_buffers,
            None,
            arguments,
            ("forward",),
            None,
            differentiable=False,
            rough=True,  # written in place, past the noise that stands for rounding
        )


def _told_apart(rule: Aspect, of: int) -> Aspect:
    return replace(rule, suffix=f"{rule.suffix}_{of}", words=f"{rule.words}, result {of}")


def _offers(function: type[torch.autograd.Function]) -> tuple[bool, bool]:
    """Whether a Function has a rule for forward mode, and one for vmap."""
    plain: Any = torch.autograd.Function
    mine: Any = function
    vmap = mine.vmap is not plain.vmap or bool(mine.generate_vmap_rule)
    return mine.jvp is not plain.jvp, vmap


def _of_result(
    subject: Subject, arguments: Arguments, of: int, words: str, kinds: tuple[str, ...]
) -> Aspect:
    several = len(subject.results) > 1
    return Aspect(
        f"_result_{of}" if several else "",
        words,
        lambda *values: subject.fn_result(*values, of=of),
        lambda *values: subject.reference_result(*values, of=of),
        subject.contract(of),
        arguments,
        kinds,
        subject.taken[of],
        subject.results[of] is not ResultKind.EXACT,
    )


def _changed(subject: Subject, arguments: Arguments, of: int) -> Aspect:
    """The caller writes to the result in place."""

    def fn(*values: Any) -> Any:
        result = subject.fn_result(*values, of=of)
        if not isinstance(result, torch.Tensor):
            return result
        tensors = [value for value in values if isinstance(value, torch.Tensor)]
        shared = any(_share(result, tensor) for tensor in tensors)
        overlaps = any(n > 1 and s == 0 for n, s in zip(result.shape, result.stride(), strict=True))
        # To write there would change the input, or several elements at once.
        result = result.clone() if shared or overlaps else result
        return result.mul_(FACTOR)

    contract = subject.contract(of)
    return Aspect(
        f"_changed_{of}",
        "the result written to in place",
        fn,
        lambda *values: FACTOR * subject.reference_result(*values, of=of),
        None if contract is None else lambda g, *values: contract(FACTOR * g, *values),
        arguments,
        ("result_in_place",),
        f"{subject.taken[of]}.mul_({FACTOR})",
    )


def _together(subject: Subject, wanted: Sequence[int]) -> str:
    taken = [subject.taken[of].replace("{call}", "y") + ".reshape(-1)" for of in wanted]
    return f"y = {{call}}\nreturn torch.cat([{', '.join(taken)}])"


def _share(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


def _in_place(subject: Subject, arguments: Arguments, of: int) -> Aspect:
    """The function writes to its input, which holds the result afterwards."""
    place = next(i for i, piece in enumerate(subject.pieces) if piece.name in subject.inplace)

    def fn(*values: Any) -> torch.Tensor:
        moved = list(values)
        moved[place] = values[place] * 1  # no leaf, which must not be written to
        _, built = subject.call_fn(moved, as_is=True)
        return real(built.pieces[place], moved[place].dtype)

    known = f"{{{subject.pieces[place].name}}}"
    held = f"torch.view_as_real({known})" if subject.pieces[place].form is Form.COMPLEX else known
    return Aspect(
        "_in_place",
        f"{subject.pieces[place].name} after the call, which is to hold the result",
        fn,
        lambda *values: subject.reference_result(*values, of=of),
        subject.contract(of),
        arguments,
        ("forward", "vjp"),
        f"{known} = {known} * 1  # no leaf\n{{as_is}}\nreturn {held}"
        if subject.pieces[place].form is Form.TENSOR
        else None,
    )


def _unused(subject: Subject, arguments: Arguments, of: int, place: int, result: int) -> Aspect:
    """A result that nothing uses gets None or zeros: a Function inside must not tell them apart."""

    def gradients(values: Sequence[Any], zeros: bool) -> torch.Tensor:
        moved = [
            v.detach().requires_grad_(piece.differentiable) if piece.is_tensor else v
            for v, piece in zip(values, subject.pieces, strict=False)
        ]
        moved += values[len(moved) :]
        leaves = [v for v in moved if isinstance(v, torch.Tensor) and v.requires_grad]
        with torch.enable_grad():
            y = subject.fn_result(*moved, of=of)
            node = nodes_of_functions([y])[place]

            def replaced(incoming: tuple[torch.Tensor | None, ...]) -> Any:
                changed = list(incoming)
                like = changed[result]
                changed[result] = torch.zeros_like(like) if zeros and like is not None else None
                return tuple(changed)

            node.register_prehook(replaced)
            found: Sequence[torch.Tensor | None] = torch.autograd.grad(
                y, leaves, torch.ones_like(y), allow_unused=True
            )
        return torch.cat(
            [
                (torch.zeros_like(leaf) if g is None else g).reshape(-1)
                for g, leaf in zip(found, leaves, strict=True)
            ]
        )

    return Aspect(
        f"_unused_{place}_{result}",
        f"the gradients where result {result} of a Function inside is not used",
        lambda *values: gradients(values, False),
        lambda *values: gradients(values, True),
        None,
        tuple(_without_gradient(argument) for argument in arguments),
        ("forward",),
        None,
    )


def _jvp(subject: Subject, arguments: Arguments, of: int) -> Aspect:
    """Forward mode: the tangent of the result beside the transposed vjp of the reference."""
    places = [i for i, piece in enumerate(subject.pieces) if piece.differentiable]
    count = len(arguments)

    def fn(*values: Any) -> torch.Tensor:
        plain, tangents = list(values[:count]), values[count:]
        rule: Any = forward_ad  # its functions have no types
        with warnings.catch_warnings(), rule.dual_level():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, of torch.jit
            for place, tangent in zip(places, tangents, strict=True):
                plain[place] = rule.make_dual(plain[place], tangent)
            result = rule.unpack_dual(subject.fn_result(*plain, of=of))
            if result.tangent is None:
                return torch.zeros_like(result.primal)
            found: torch.Tensor = result.tangent.clone()
            return found

    contract = subject.contract(of)

    def reference(*values: Any) -> torch.Tensor:
        plain, tangents = list(values[:count]), values[count:]
        with torch.enable_grad():
            for place in places:
                plain[place] = plain[place].detach().requires_grad_()
            leaves = [plain[place] for place in places]
            result = subject.reference_result(*plain, of=of)
            weights = torch.zeros_like(result, requires_grad=True)
            found: Sequence[torch.Tensor | None]
            if contract is None:
                found = torch.autograd.grad(
                    result, leaves, weights, create_graph=True, allow_unused=True
                )
            else:
                tensors = [i for i, piece in enumerate(subject.pieces) if piece.is_tensor]
                of_all = contract(weights, *plain)
                found = [of_all[tensors.index(place)] for place in places]
            total = torch.zeros((), dtype=weights.dtype)
            for gradient, tangent in zip(found, tangents, strict=True):
                if gradient is not None:
                    total = total + (gradient * tangent).sum()
            if not total.requires_grad:
                return torch.zeros_like(weights)
            (moved,) = torch.autograd.grad(total, weights)
            return moved

    fixed = tuple(_without_gradient(argument) for argument in arguments)
    tangents = tuple(
        TensorArgument(f"tangent_{a.name}", a.shape, -1.0, 1.0, differentiable=False)
        for place in places
        for a in [arguments[place]]
        if isinstance(a, TensorArgument)
    )
    words = "its jvp, in forward mode"
    names = [subject.pieces[place].name for place in places]
    body = "\n".join(
        [
            "import torch.autograd.forward_ad as forward_ad",
            "with forward_ad.dual_level():",
            *(f"    {{{n}}} = forward_ad.make_dual({{{n}}}, {{tangent_{n}}})" for n in names),
            f"    y = {subject.taken[of]}",
            "    return forward_ad.unpack_dual(y).tangent",
        ]
    )
    return Aspect(
        "_jvp", words, fn, reference, None, fixed + tangents, ("forward",), body, rule="jvp"
    )


def _without_gradient(argument: TensorArgument | NumberArgument) -> Any:
    if isinstance(argument, NumberArgument):
        return argument
    a = argument
    return TensorArgument(a.name, a.shape, a.low, a.high, differentiable=False)


def _vmaps(subject: Subject, arguments: Arguments, of: int) -> Iterator[Aspect]:
    """Several points at once; all arguments batched, then each of the first two alone, last."""
    tensors = [i for i, p in enumerate(subject.pieces) if p.form is Form.TENSOR]
    yield _vmap(subject, arguments, of, dict.fromkeys(tensors, 0), "_vmap")
    for place in tensors[:2] if len(tensors) > 1 else ():
        yield _vmap(subject, arguments, of, {place: -1}, f"_vmap_{place}")
    if len(tensors) == 1:
        yield _vmap(subject, arguments, of, {tensors[0]: -1}, "_vmap_last")


def _vmap(
    subject: Subject, arguments: Arguments, of: int, batched: dict[int, int], suffix: str
) -> Aspect:
    def fn(*values: Any) -> torch.Tensor:
        places = list(batched)

        def one(*chosen: torch.Tensor) -> Any:
            moved = list(values)
            for place, value in zip(places, chosen, strict=True):
                moved[place] = value
            return subject.fn_result(*moved, of=of)

        found: torch.Tensor = torch.func.vmap(one, tuple(batched.values()))(
            *(values[place] for place in places)
        )
        return found

    def reference(*values: Any) -> torch.Tensor:
        rows = []
        for index in range(BATCH):
            moved = [
                value.select(batched[place], index) if place in batched else value
                for place, value in enumerate(values)
            ]
            rows.append(subject.reference_result(*moved, of=of))
        return torch.stack(rows)

    changed = tuple(
        _batched(argument, batched[place])
        if place in batched and isinstance(argument, TensorArgument)
        else argument
        for place, argument in enumerate(arguments)
    )
    names = ", ".join(subject.pieces[place].name for place in batched)
    words = f"its vmap rule, {names} batched along dimension {next(iter(batched.values()))}"
    kinds = ("forward", "vjp") if subject.gradient is None else ("forward",)
    taken = ", ".join(f"{{{piece.name}}}" for piece in subject.pieces)
    dims = ", ".join(str(batched.get(place)) for place in range(len(subject.pieces)))
    body = f"torch.func.vmap(lambda {taken}: {subject.taken[of]}, ({dims},))({taken})"
    return Aspect(suffix, words, fn, reference, None, changed, kinds, body, rule="vmap")


def _batched(argument: TensorArgument, dim: int) -> TensorArgument:
    assert argument.shape is not None
    shape = (BATCH, *argument.shape) if dim == 0 else (*argument.shape, BATCH)
    a = argument
    return TensorArgument(
        a.name, shape, a.low, a.high, differentiable=a.differentiable, kinks=a.kinks
    )
