"""The check that a module stays what it is when it is used as modules are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from harness.checks.compare import SCALES, Comparison, with_gradients, with_shared
from harness.checks.context import Bench, Trial
from harness.model import EntryPoint, SizeArgument, TensorArgument
from harness.numerics.inputs import Drawer
from harness.sandbox.inside.part import RESULT

# What is done to an instance before it is called, in words.
MANNERS = {
    "train": "after .eval() and .train()",
    "eval": "after .eval()",
    "copied": "a deep copy, after the parameters of the first one were set to zero",
    "restored": "another instance that has loaded its state_dict",
}
# How its parameters are changed between two calls, in words.
CHANGES = {
    "step": "written in place, as by an optimiser",
    "load": "loaded by load_state_dict",
}
MODES = ("train", "eval")


@dataclass(frozen=True)
class ModuleUse(Comparison):
    """A module is right after train() and eval(), as a deep copy, and with its state_dict loaded.

    Use it for every entry point with ``forward``.

    That it has just the parameters that the scenario names, and none beside, every check asks. One
    that keeps what it needs in a place that neither a copy nor a state_dict knows of is found here,
    and so is one that goes on, in either mode, with what its parameters were in an earlier call.
    Parameters with ``initial`` or ``frozen`` are looked at as they are when an instance is made.
    """

    # The modes in which the oracle is right: train, eval or both.
    modes: tuple[str, ...] = MODES
    kind: ClassVar[str] = "module"
    pass_message: ClassVar[str] = "Copied, restored and in each mode it agrees with the reference"
    needs_gradient: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for mode in self.modes:
            if mode not in MODES:
                raise ValueError(f"modes names {mode!r}, expected {' or '.join(MODES)}")

    def fits(self, entry: EntryPoint) -> bool:
        return entry.module is not None

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        manners = [manner for manner in MANNERS if manner in self.modes or manner not in MODES]
        scales = itertools.cycle(SCALES)
        for size in draw.sizes():
            for manner in manners:
                case = draw.case(size)
                label = f"{case.label}, {MANNERS[manner]}"
                yield with_gradients(
                    bench, draw, case, scale=next(scales), label=label, manner=manner
                )
        form = entry.module
        assert form is not None
        if form.initial or form.frozen:
            for size in draw.sizes():
                case = draw.case(size)
                yield with_gradients(bench, draw, case, label="an instance as made", manner="fresh")
        if form.parameters:
            quiets = (False, True) if entry.differentiable else (False,)
            for quiet, mode, change in itertools.product(quiets, self.modes, CHANGES):
                yield _changed(bench, draw, mode, change, quiet=quiet)
            # No tensor with a history can be copied, and torch's own modules keep such.
            yield _changed(bench, draw, self.modes[0], "copy", quiet=entry.differentiable)
        if (other := _resized(entry, draw.small_size())) is not None:
            yield _changed(bench, draw, self.modes[0], None, quiet=False, other=other)


def _resized(entry: EntryPoint, size: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Another size that the same instance is called with; ``None`` where there is none."""
    made = [a for a in entry.arguments if a.name in entry.kept]
    kept = {a.dimension for a in made if isinstance(a, SizeArgument)}
    kept |= {
        d
        for a in made
        if isinstance(a, TensorArgument)
        for d in a.shape or ()
        if isinstance(d, str)
    }
    if entry.dimensions:
        between = {
            name: size[name] + 1 if size[name] < high else low
            for name, (low, high) in entry.dimensions.items()
            if name not in kept and name in size
        }
        others = [{**size, **between}]
    else:
        others = [{**size, **one} for one in entry.sizes[1:]]
    same = [one for one in others if all(one.get(d) == size.get(d) for d in kept)]
    return next((one for one in same if one != size), None)


def _changed(
    bench: Bench,
    draw: Drawer,
    mode: str,
    change: str | None,
    *,
    quiet: bool,
    other: Mapping[str, Any] | None = None,
) -> Trial:
    """Two calls of an instance in one mode, with other parameters, or a size, in the second.

    ``quiet`` ones are made under no_grad, as where nothing is trained.
    """
    first, entry = draw.case(draw.small_size()), draw.entry
    # An optimiser leaves alone what is not trained.
    new = first.differentiable if change == "step" else entry.parameters if change else ()
    kept = tuple(name for name in entry.kept if name not in new)
    second = with_shared(draw.case(other or draw.small_size()), first, kept)
    calls = [with_gradients(bench, draw, case) for case in (first, second)]
    if quiet:
        calls = [
            replace(call, question=replace(call.question, no_grad=True, cotangents=()))
            for call in calls
        ]
    one, again = (call.question for call in calls)
    expected = {RESULT._replace(call=0): calls[0].expected[RESULT]}
    for part, value in calls[1].expected.items():
        if part == RESULT or not quiet:
            expected[part._replace(call=1)] = value
    question = replace(
        one,
        ask="changed",
        manner=mode,
        change=change,
        others=(replace(again, shared=entry.kept),),
    )
    what = {
        None: f"of the same instance, with {second.label}",
        "copy": "of a deep copy with other parameters",
    }.get(change) or f"after its parameters were {CHANGES[str(change)]}"
    label = f"{first.label}, a call after .{mode}() and another one {what}"
    return Trial(question, expected, f"{label}{', under no_grad' * quiet}")
