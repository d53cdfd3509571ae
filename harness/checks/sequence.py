"""Classes, used by drawn sequences of calls and held against the oracle's class."""

from __future__ import annotations

from collections.abc import Sequence as Several
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from hypothesis.errors import HypothesisException

from harness.checks.context import Bench, Judgement
from harness.checks.plain import LOOKED_AT, seed_of
from harness.errors import ScenarioError
from harness.model import EntryPoint, Fault, Outcome, ValueArgument
from harness.numerics.oracles import OracleError
from harness.numerics.plain.asking import Called, Unlike, same, unlike
from harness.numerics.plain.difference import literal, preface, shown_text
from harness.numerics.plain.drawing import Enough, drawn, smallest
from harness.numerics.plain.sequence import Play, Right, perform, plays, right, written_plays
from harness.sandbox.session import CandidateFault, Session

# Sequences that are drawn, those that are tried to find a small one that fails, and lines that a
# message shows.
DRAWN, SHRINKING, SHOWN = 90, 120, 8
# Calls of a sequence that is first looked for where a small one is wanted.
SHORT = 6


class Wrong(NamedTuple):
    """The first line of a sequence that is wrong."""

    right: Right
    place: int
    # What was found there; ``None`` where nothing was.
    called: Called | None
    unlike: Unlike


@dataclass(frozen=True)
class Sequence:
    """Instances do what those of the oracle's class do, whatever is called in whatever order.

    Use it for every class: a cache, a rate limiter, a queue. The constructor and the methods
    are called with drawn arguments, at times those under ``bad``; results and exceptions are
    compared as ``equals`` and ``raises`` do. At times two instances are used in turn. A clock
    that is handed over is moved on between calls. Floats may be off by ``rtol`` relatively or
    by ``atol``; ``also`` names builtin exceptions that are right as well.
    """

    kind: ClassVar[str] = "sequence"
    plain: ClassVar[bool] = True

    # How far a float may be off, relative to the right one.
    rtol: float = 1e-9
    # How far it may be off where the right one is near zero.
    atol: float = 1e-12
    # Builtin exceptions that are right as well as the oracle's.
    also: tuple[str, ...] = ()

    def fits(self, entry: EntryPoint) -> bool:
        return entry.usage is not None

    def prepare(self, bench: Bench, entry: EntryPoint) -> None:
        """Raise ``ScenarioError`` where there is nothing to ask, or the oracle cannot be used."""
        asked = sequences(bench, entry)
        if not any(
            step is not None and step.raised is None
            for one in asked
            for step in one.steps[len(one.play.objects) :]
        ):
            raise OracleError(entry.name, "raises at every call of every sequence")

    def run_session(self, bench: Bench, entry: EntryPoint, session: Session) -> Judgement:
        asked = sequences(bench, entry)
        found = perform(session, [one.play for one in asked])
        wrong = [self._wrong(*pair) for pair in zip(asked, found, strict=True)]
        failed = [one for one in wrong if one is not None]
        if not failed:
            return Judgement.passed(f"{len(asked)} sequences of calls are right.")
        worst = self._smallest(bench, entry, session, min(failed, key=lambda one: one.place))
        play = worst.right.play.cut(worst.place)
        *before, last = play.lines()
        before = ["…", *before[-SHOWN:]] if len(before) > SHOWN else before
        after = f"after {shown_text('; '.join(before))}: " if before else ""
        raised = worst.called.raised if worst.called is not None else None
        wanted = worst.right.steps[worst.place]
        assert wanted is not None
        return Judgement(
            Outcome.FAILED,
            f"{after}{shown_text(last)} {worst.unlike.words} "
            f"({len(failed)} of {len(asked)} sequences go wrong).",
            line=raised.line if raised is not None else None,
            fault=_fault(wanted, raised is not None),
            snippet=snippet(play, wanted, worst.unlike),
        )

    def _wrong(self, right: Right, found: Several[Called | None]) -> Wrong | None:
        parameters = every_parameter(right.play.entry)
        for place, wanted in enumerate(right.steps):
            if wanted is None:
                continue
            called = found[place] if place < len(found) else None
            if called is None:
                return Wrong(right, place, None, Unlike("gave nothing, expected an answer"))
            found_wrong = unlike(wanted, called, parameters, self.rtol, self.atol, self.also)
            if found_wrong is not None:
                return Wrong(right, place, called, found_wrong)
        return None

    def _smallest(self, bench: Bench, entry: EntryPoint, session: Session, known: Wrong) -> Wrong:
        """The smallest wrong sequence that is found, each tried in code that is loaded anew."""
        last: list[Wrong] = []
        make = bench.oracles.by_name[entry.name].forward

        def fails(play: Play) -> bool:
            asked = right(make, play)
            session.renew()
            try:
                (found,) = perform(session, [play], fresh=True)
            except CandidateFault:
                raise Enough from None
            wrong = self._wrong(asked, found)
            if wrong is not None:
                last.append(wrong)
            return wrong is not None

        # Long ones take long to make smaller.
        smallest(plays(entry, SHORT), seed_of(bench, entry, self.kind), DRAWN, fails, SHRINKING)
        last = last or [known]
        with suppress(Enough):
            place = 1
            while place < len(last[-1].right.play.steps):
                # From the end, where what is wrong shows.
                shorter = last[-1].right.play.cut(last[-1].place).without(place)
                place = place + 1 if shorter is None or not fails(shorter) else place
        return last[-1]


def _fault(wanted: Called, raised: bool) -> Fault:
    if wanted.raised is not None:
        return Fault.NOT_REFUSED
    return Fault.RAISED if raised else Fault.WRONG_VALUE


def every_parameter(entry: EntryPoint) -> tuple[ValueArgument, ...]:
    """Those of the constructor and of all methods."""
    methods = entry.usage.methods if entry.usage is not None else ()
    return (*entry.values, *(a for method in methods for a in method.arguments))


def sequences(bench: Bench, entry: EntryPoint) -> tuple[Right, ...]:
    """What a class is asked, with what is right. Raises ``ScenarioError``."""

    def make() -> tuple[Right, ...]:
        seed = seed_of(bench, entry, Sequence.kind)
        try:
            found = [*written_plays(entry), *drawn(plays(entry), seed, DRAWN)]
        except HypothesisException as error:
            raise ScenarioError(
                f"{bench.scenario.path}: entry point {entry.name!r}: its calls cannot be "
                f"drawn: {str(error)[:200]}; widen their domains"
            ) from error
        oracle = bench.oracles.by_name[entry.name].forward
        asked = tuple(right(oracle, play) for play in found)
        for one in asked[:LOOKED_AT]:
            _steady(entry, one, right(oracle, one.play))
        return asked

    return bench.once(("sequences", entry.name), make)


def _steady(entry: EntryPoint, one: Right, again: Right) -> None:
    for place, (first, second) in enumerate(zip(one.steps, again.steps, strict=True)):
        if first is None or second is None or same(first.value, second.value):
            continue
        lines = one.play.cut(place).lines()
        raise OracleError(
            entry.name,
            f"gives {first.told()} and then {second.told()} for {shown_text('; '.join(lines))}, "
            "expected the same; let it keep no state beside its instances",
        )


def snippet(play: Play, wanted: Called, found: Unlike) -> str:
    """Python that shows the failure again beside a file ``solution.py``."""
    *before, last = play.lines()
    lines = [f"from solution import {play.entry.name}", preface(play.values), *before]
    begin = "\n".join(lines) + "\n"
    if wanted.raised is not None:
        kind = wanted.raised.kinds[0]
        return (
            f"{begin}try:\n    {last}\nexcept {kind}:\n    pass\nelse:\n"
            f'    raise AssertionError("no {kind}")\n'
        )
    if found.by_use:
        return f"{begin}{last}\n# It {shown_text(found.words)}.\n"
    if not play.ends_with_value:
        return f"{begin}{last}\n"
    return (
        f"{begin}found = {last}\nexpected = {literal(wanted.value)}\n"
        "assert found == expected, found\n"
    )
