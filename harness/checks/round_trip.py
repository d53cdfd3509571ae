"""Pairs of functions of plain values of which one undoes the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from harness.checks.context import Bench
from harness.checks.plain import PlainCheck, is_function
from harness.errors import ScenarioError, did_you_mean
from harness.model import EntryPoint, Fault
from harness.numerics.plain.asking import Called, Expectation, ask, holds_other, split
from harness.numerics.plain.difference import call, difference, literal, shown
from harness.numerics.plain.drawing import Arguments
from harness.sandbox.inside import plain
from harness.sandbox.session import Session


@dataclass(frozen=True)
class Returned(Called):
    """What the second function made of what the first one gave."""

    # What it was called with, its first argument first.
    given: Arguments = field(default_factory=dict)

    @property
    def packed(self) -> Any:
        """What lies between the two."""
        return next(iter(self.given.values()))


def round_trips(
    session: Session,
    elsewhere: Session,
    pair: tuple[EntryPoint, EntryPoint],
    calls: Sequence[Arguments],
) -> list[Called]:
    """What the second function makes, in ``elsewhere``, of what the first one gives in ``session``.

    Where the first one raised, or gave what does not travel, what it did. Raises
    ``CandidateFault``.
    """
    entry, undoing = pair
    first, *others = undoing.values
    found = ask(session, entry, calls)
    given = {
        place: {
            first.name: one.value,
            **{a.name: calls[place][a.name] for a in others if a.name in calls[place]},
        }
        for place, one in enumerate(found)
        if one.raised is None and not holds_other(plain.encode(one.value))
    }
    if elsewhere is not session:
        elsewhere.renew()
    for place, back in zip(given, ask(elsewhere, undoing, list(given.values())), strict=True):
        found[place] = Returned(
            back.value, back.raised, uses=back.uses, flow=back.flow, given=given[place]
        )
    return found


@dataclass(frozen=True)
class RoundTrip(PlainCheck):
    """One function undoes another: ``by(of(x)) == x``, whatever lies between.

    Use it where a request leaves the format open, so that ``equals`` would ask too much: pack and
    unpack, escape and unescape. ``of`` is called with drawn arguments, ``by`` with what it gave,
    in another process, and must give the first argument back. Arguments of ``by`` that are called
    as arguments of ``of`` get the same values. What lies between is of the type that the oracle
    gives. Floats may be off by ``rtol`` relatively or by ``atol``.
    """

    kind: ClassVar[str] = "round_trip"
    fault: ClassVar[Fault] = Fault.WRONG_VALUE

    # The entry point that is called first.
    of: str
    # The one that undoes it.
    by: str
    # How far a float may be off, relative to the one that went in.
    rtol: float = 1e-9
    # How far it may be off where that one is near zero.
    atol: float = 1e-12

    def fits(self, entry: EntryPoint) -> bool:
        return (
            entry.name == self.of
            and is_function(entry)
            and entry.yields is None
            and bool(entry.values)
            and not any(argument.domain.is_given for argument in entry.values)
            and not entry.values[0].has_default
        )

    def prepare(self, bench: Bench, entry: EntryPoint) -> None:
        known = [e.name for e in bench.scenario.entry_points if is_function(e) and e != entry]
        about = f"{bench.scenario.path}: check {self.kind!r}: by"
        if self.by not in known:
            raise ScenarioError(
                f"{about}: found {self.by!r}, expected another entry point that is a function of "
                f"plain values.{did_you_mean(self.by, known)} There are: {', '.join(known)}"
            )
        undoing = bench.scenario.entry_point(self.by)
        names = [argument.name for argument in entry.values[1:]]
        for argument in undoing.values[1:]:
            if not argument.has_default and argument.name not in names:
                raise ScenarioError(
                    f"{about}: {self.by!r} takes {argument.name!r}, which {self.of!r} does not; "
                    "give it a default, or the name of what it is to be the same as"
                )
        super().prepare(bench, entry)

    def wants(self, case: Expectation) -> bool:
        return case.raised is None

    def wrong(self, case: Expectation, called: Called) -> str | None:
        if not isinstance(called, Returned):
            if called.raised is not None:
                return f"raised {called.raised}, expected a value"
            return f"gave {shown(called.value)}, expected a {type(case.value).__name__}"
        begin = f"gave {shown(called.packed)}"
        if type(called.packed) is not type(case.value):
            wanted = type(case.value).__name__
            return f"{begin}, a {type(called.packed).__name__}, expected a {wanted}"
        first = case.arguments[case.entry.values[0].name]
        if called.raised is not None:
            return f"{begin}, of which {self.by} raised {called.raised}, expected {shown(first)}"
        off = difference(first, called.value, self.rtol, self.atol)
        return None if off is None else f"{begin}, of which {self.by} made {off}"

    def snippet(self, case: Expectation, called: Called) -> str:
        packed = f"packed = {call(self.of, *split(case.entry.values, case.arguments))}"
        if not isinstance(called, Returned) or type(called.packed) is not type(case.value):
            check = f"assert isinstance(packed, {type(case.value).__name__}), packed"
            return f"from solution import {self.of}\n\n{packed}\n{check}\n"
        others = [f", {name}={literal(value)}" for name, value in [*called.given.items()][1:]]
        return (
            f"from solution import {self.by}, {self.of}\n\n{packed}\n"
            "# In another process, where they differ.\n"
            f"found = {self.by}(packed{''.join(others)})\n"
            f"expected = {literal(case.arguments[case.entry.values[0].name])}\n"
            "assert found == expected, found\n"
        )

    def ask(
        self, bench: Bench, session: Session, entry: EntryPoint, asked: Sequence[Expectation]
    ) -> list[Called]:
        pair = entry, bench.scenario.entry_point(self.by)
        calls = [case.arguments for case in asked]
        if len(calls) == 1:
            # While a failure is made smaller, hundreds of processes would be too dear.
            return round_trips(session, session, pair, calls)
        with session.another() as elsewhere:
            return round_trips(session, elsewhere, pair, calls)
