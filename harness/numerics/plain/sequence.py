"""Classes that are used by sequences of calls, beside the oracle's class of the same name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from harness.model import DomainKind, EntryPoint, Member
from harness.numerics.plain.asking import (
    Called,
    by_oracle,
    read_all,
    read_right,
    request,
    sent,
    split,
)
from harness.numerics.plain.difference import CLOCK, call, literal, shown_text
from harness.numerics.plain.drawing import GRAIN, Arguments, of_parameters
from harness.sandbox.inside import calling, plain
from harness.sandbox.session import Session

Json = dict[str, Any]
# Calls for each time that a clock moves on, and sequences for each whose constructor may be given
# what is to be refused.
CALLS_PER_ADVANCE, BAD = 3, 6


@dataclass(frozen=True)
class Move:
    """A call of a method of one of the objects, or the clock moved on by seconds."""

    method: Member | None
    # Which object.
    on: int
    arguments: Arguments
    seconds: float = 0.0


@dataclass(frozen=True)
class Play:
    """Objects that are made, and what is then done with them."""

    entry: EntryPoint
    objects: tuple[Arguments, ...]
    steps: tuple[Move, ...]

    def data(self, seed: int = 0) -> Json:
        """What travels."""
        return {
            "fn": self.entry.name,
            "objects": [sent(self.entry.values, one) for one in self.objects],
            "steps": [_sent(step) for step in self.steps],
            "seed": seed,
        }

    def cut(self, place: int) -> Play:
        """Without what comes after one of ``lines``, and without objects that nobody uses."""
        count = place + 1 - len(self.objects)
        if count <= 0:
            return Play(self.entry, self.objects[: place + 1], ())
        steps = self.steps[:count]
        used = 1 + max(step.on for step in steps)
        return Play(self.entry, self.objects[:used], steps)

    def without(self, place: int) -> Play | None:
        """Without one of its steps, counted from the end; ``None`` for the last."""
        if not 0 < place < len(self.steps):
            return None
        left = len(self.steps) - 1 - place
        return Play(self.entry, self.objects, self.steps[:left] + self.steps[left + 1 :])

    @property
    def ends_with_value(self) -> bool:
        """Whether its last line is an expression of interest."""
        if not self.steps or self.steps[-1].method is None:
            return False
        return self.steps[-1].method.name not in ("__setitem__", "__delitem__")

    @property
    def values(self) -> list[Any]:
        """Everything that is handed over."""
        every = (*self.objects, *(step.arguments for step in self.steps))
        return [value for arguments in every for value in arguments.values()]

    def lines(self) -> list[str]:
        """The objects and the steps in Python, a line each."""
        names = _names(self.entry, len(self.objects))
        made = [
            f"{name} = {call(self.entry.name, *split(self.entry.values, one))}"
            for name, one in zip(names, self.objects, strict=True)
        ]
        return [*made, *(_line(names[step.on], step) for step in self.steps)]


def _sent(step: Move) -> Json:
    if step.method is None:
        return {"advance": plain.encode(step.seconds)}
    asked = {"on": step.on, "method": step.method.name, "attribute": step.method.is_attribute}
    return {**asked, **sent(step.method.arguments, step.arguments)}


def _names(entry: EntryPoint, count: int) -> list[str]:
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in entry.name).strip("_")
    name = words.rsplit("_", 1)[-1] if words != entry.name else "made"
    return [name] if count == 1 else [f"{name}_{number}" for number in range(1, count + 1)]


def _line(name: str, step: Move) -> str:
    if step.method is None:
        return f"{CLOCK}.now += {literal(step.seconds)}"
    method = step.method.name
    positional, keywords = split(step.method.arguments, step.arguments)
    if step.method.is_attribute:
        return f"{name}.{method}"
    args = [literal(one) for one in positional]
    match method, args:
        case "__len__", _:
            return f"len({name})"
        case "__bool__", _:
            return f"bool({name})"
        case "__iter__", _:
            return f"list({name})"
        case "__contains__", [item]:
            return f"{item} in {name}"
        case "__getitem__", [key]:
            return f"{name}[{key}]"
        case "__setitem__", [key, value]:
            return f"{name}[{key}] = {value}"
        case "__delitem__", [key]:
            return f"del {name}[{key}]"
        case "__call__", _:
            return call(name, positional, keywords)
    return call(f"{name}.{method}", positional, keywords)


def plays(entry: EntryPoint, most: int | None = None) -> st.SearchStrategy[Play]:
    """Sequences of ``most`` calls at most; one object and few calls are the simplest."""
    usage = entry.usage
    assert usage is not None
    most = usage.most if most is None else min(most, usage.most)
    least = min(usage.least, most)
    exact = entry.has_clock
    good, bad = (of_parameters(entry.values, "", exact, bad=way) for way in (False, True))
    by_method = [
        st.tuples(st.just(method), of_parameters(method.arguments, "", exact, bad=True))
        for method in usage.methods
    ]

    @st.composite
    def drawn(draw: st.DrawFn) -> Play:
        made = bad if draw(st.integers(0, BAD - 1)) == BAD - 1 else good
        objects = [draw(made)]
        # Two in turn show what they share.
        if draw(st.sampled_from((False, False, True))):
            objects.append(draw(made))
        on = st.sampled_from(range(len(objects)))
        one_call = st.builds(lambda o, pair: Move(pair[0], o, pair[1]), on, st.one_of(by_method))
        steps = one_call
        if exact:
            later = _seconds(objects).map(lambda seconds: Move(None, 0, {}, seconds))
            steps = st.integers(0, CALLS_PER_ADVANCE).flatmap(
                lambda which: later if which == CALLS_PER_ADVANCE else one_call
            )
        # Lists are short unless they must not be.
        at_least = draw(st.sampled_from((least, (least + most) // 2, most)))
        found = draw(st.lists(steps, min_size=at_least, max_size=most))
        return Play(entry, tuple(objects), tuple(found))

    return drawn()


def written_plays(entry: EntryPoint) -> Iterator[Play]:
    """The sequences that an author wrote down; clocks begin at 0."""
    assert entry.usage is not None
    methods = {method.name: method for method in entry.usage.methods}
    clocks = {
        one.name: plain.Scripted(one.domain.kind.value, one.name, (0.0,))
        for one in entry.values
        if one.domain.kind is DomainKind.CLOCK
    }
    for edge in entry.usage.edges:
        steps = [
            Move(methods[name], 0, dict(given))
            if name in methods
            else Move(None, 0, {}, given["seconds"])
            for name, given in edge.calls
        ]
        yield Play(entry, ({**edge.made_with, **clocks},), tuple(steps))


def _seconds(objects: Sequence[Arguments]) -> st.SearchStrategy[float]:
    """How far a clock moves: usual times, and those about the numbers objects are made with."""
    numbers = [
        round(value * GRAIN) / GRAIN
        for one in objects
        for value in one.values()
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6
    ]
    about = [
        time
        for number in dict.fromkeys(numbers)
        for time in (number, number - 1 / GRAIN, number + 1 / GRAIN, number / 2, 2 * number)
    ]
    about = [round(time * GRAIN) / GRAIN for time in about if time > 0]
    usual = st.sampled_from((1.0, 0.5, 1 / GRAIN, 5.0, 60.0))
    return st.sampled_from(about) | st.sampled_from(about) | usual if about else usual


@dataclass(frozen=True)
class Right:
    """A sequence with what the oracle does at each line of it; ``None`` where it has nothing."""

    play: Play
    steps: tuple[Called | None, ...]


def right(make: Callable[..., Any], play: Play) -> Right:
    """What the oracle's class does. Raises ``OracleError``."""
    data = play.data()
    told = by_oracle(play.entry, lambda: calling.sequence(make, data, Exception))
    lines = play.lines()
    steps = [
        None if one is None else read_right(play.entry, one, shown_text(line))
        for one, line in zip(told, lines, strict=True)
    ]
    return Right(play, tuple(steps))


def perform(
    session: Session, plays: Sequence[Play], *, seed: int = 0, fresh: bool = False
) -> list[list[Called | None]]:
    """What the candidate does in each sequence. Raises ``CandidateFault``."""
    told = request(session, [play.data(seed) for play in plays], fresh)
    return [
        read_all(one if isinstance(one, list) else [one] * len(play.lines()))
        for play, one in zip(plays, told, strict=True)
    ]
