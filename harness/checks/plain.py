"""Checks of entry points that take and return plain values; the oracle is plain Python.

All cases of an entry point are drawn once: every edge, every bad value, values of the domains,
and strings of a pattern with a character out of place. What the oracle gives decides whether a
value or an exception is right. An input that fails is made as small as it goes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from typing import ClassVar

from hypothesis.errors import HypothesisException

from harness.checks.context import Bench, Judgement
from harness.errors import ScenarioError
from harness.model import EntryPoint, Fault, Outcome
from harness.numerics.oracles import OracleError
from harness.numerics.plain.asking import (
    Called,
    Expectation,
    ask,
    eager,
    expect,
    same,
    split,
    unlike,
)
from harness.numerics.plain.difference import literal, other_type, preface, shown
from harness.numerics.plain.drawing import (
    TAKEN,
    Arguments,
    Enough,
    arguments,
    bad_cases,
    drawn,
    edge_cases,
    is_of_type,
    outside_of,
    smallest,
)
from harness.sandbox.session import CandidateFault, Session

# Calls with drawn values, with each string that is garbled, and with values out of their domain.
DRAWN, GARBLED, OUTSIDE = 100, 40, 80
# Calls that are spent on making a failing input smaller, and that the other checks look at.
SHRINKING, LOOKED_AT = 400, 20
# The sort of right answer that a check looks at.
Wanted = Callable[[Expectation], bool]
Wrong = Callable[[Expectation, Called], str | None]


@dataclass(frozen=True)
class PlainCheck:
    """A check that puts calls with plain values and looks at each answer by itself."""

    kind: ClassVar[str]
    # Whether it is asked of entry points with plain values alone.
    plain: ClassVar[bool] = True
    fault: ClassVar[Fault]

    def fits(self, entry: EntryPoint) -> bool:
        return is_function(entry)

    def wants(self, case: Expectation) -> bool:
        """Whether it can say whether the answer is right."""
        raise NotImplementedError

    def wrong(self, case: Expectation, called: Called) -> str | None:
        """What is wrong with an answer, in words that follow the call; ``None`` for nothing."""
        raise NotImplementedError

    def prepare(self, bench: Bench, entry: EntryPoint) -> None:
        """Raise ``ScenarioError`` where there is nothing to ask, or the oracle cannot be used."""
        if not any(map(self.wants, cases(bench, entry))):
            raise OracleError(entry.name, f"gives nothing that {self.kind!r} can look at")

    def run_session(self, bench: Bench, entry: EntryPoint, session: Session) -> Judgement:
        asked = [case for case in cases(bench, entry) if self.wants(case)]
        found = self.ask(bench, session, entry, asked)
        pairs = zip(asked, found, strict=True)
        failed = [(case, called) for case, called in pairs if self.wrong(case, called)]
        if not failed:
            return Judgement.passed(f"{len(asked)} calls are right.")
        case, called = self._smallest(bench, entry, session) or min(
            failed, key=lambda pair: len(pair[0].written())
        )
        return Judgement(
            Outcome.FAILED,
            f"{case.written()} {self.wrong(case, called)} "
            f"({len(failed)} of {len(asked)} calls are wrong).",
            line=called.raised.line if called.raised is not None else None,
            fault=Fault.RAISED if called.raised and case.raised is None else self.fault,
            snippet=self.snippet(case, called),
        )

    def snippet(self, case: Expectation, called: Called) -> str:
        """Python that shows a failure again."""
        return snippet(case)

    def ask(
        self, bench: Bench, session: Session, entry: EntryPoint, asked: Sequence[Expectation]
    ) -> list[Called]:
        """What the candidate does with each call. Raises ``CandidateFault``."""
        return ask(session, entry, [case.arguments for case in asked])

    def _smallest(
        self, bench: Bench, entry: EntryPoint, session: Session
    ) -> tuple[Expectation, Called] | None:
        """The smallest wrong answer that hypothesis finds, drawing as before."""
        last: list[tuple[Expectation, Called]] = []

        def fails(example: Arguments) -> bool:
            case = expect(bench.oracles.by_name[entry.name].forward, entry, example)
            if not self.wants(case):
                return False
            session.renew()
            try:
                (called,) = self.ask(bench, session, entry, [case])
            except CandidateFault:
                raise Enough from None
            wrong = self.wrong(case, called) is not None
            if wrong:
                last.append((case, called))
            return wrong

        for spoiled in ("", *_garbled(entry)):
            seed = seed_of(bench, entry, spoiled)
            count = GARBLED if spoiled else DRAWN
            smallest(arguments(entry, spoiled), seed, count, fails, SHRINKING)
            if last:
                return last[-1]
        return None


@dataclass(frozen=True)
class Equals(PlainCheck):
    """The result is what the oracle gives, for edges and drawn values.

    Use it for every function whose result is plain values. Floats may be off by ``rtol``
    relatively or by ``atol``; everything else compares as Python does, so 1 equals 1.0 and a list
    is no tuple. With ``exact_types`` the types must be the same, too, also of
    what is inside.
    """

    kind: ClassVar[str] = "equals"
    fault: ClassVar[Fault] = Fault.WRONG_VALUE

    # How far a float may be off, relative to the right one.
    rtol: float = 1e-9
    # How far it may be off where the right one is near zero.
    atol: float = 1e-12
    # Whether 1 and 1.0, or a list and a tuple, differ.
    exact_types: bool = False

    def wants(self, case: Expectation) -> bool:
        return case.raised is None

    def wrong(self, case: Expectation, called: Called) -> str | None:
        unequal = unlike(case, called, case.entry.values, self.rtol, self.atol)
        found = None if unequal is None else unequal.words
        if found is None and case.entry.yields is not None:
            found = eager(case.entry.yields, case.flow, called.flow)
        if found is None and self.exact_types:
            found = other_type(case.value, called.value)
        return found


@dataclass(frozen=True)
class Raises(PlainCheck):
    """Bad input raises what the oracle raises, or a subclass of it.

    Use it where the request says what is refused. Bad input is ``bad:`` of the arguments,
    strings of a ``pattern`` with a character out of place, and drawn values beyond the bounds, of
    another type or broken inside, as far as a ``raise`` of the oracle itself refuses those, with
    TypeError where the type is wrong.
    An exception of the answer's own counts as its nearest builtin class. ``also`` names builtin
    exceptions that are right as well.
    """

    kind: ClassVar[str] = "raises"
    fault: ClassVar[Fault] = Fault.NOT_REFUSED

    # Builtin exceptions that are right as well.
    also: tuple[str, ...] = ()

    def wants(self, case: Expectation) -> bool:
        return case.raised is not None

    def wrong(self, case: Expectation, called: Called) -> str | None:
        found = unlike(case, called, case.entry.values, 1e-9, 1e-12, self.also)
        return None if found is None else found.words


@dataclass(frozen=True)
class Pure(PlainCheck):
    """A call leaves alone its arguments, globals, working folder, environment and generators.

    Use it where callers rely on it. A cache in a global dict counts as a change of a global, one
    of functools does not; ``globals_may_change`` allows both.
    """

    kind: ClassVar[str] = "pure"
    fault: ClassVar[Fault] = Fault.NOT_PURE

    # Whether it may keep something in globals, such as a cache.
    globals_may_change: bool = False

    def wants(self, case: Expectation) -> bool:
        return True

    def wrong(self, case: Expectation, called: Called) -> str | None:
        given = {TAKEN, *(a.name for a in case.entry.values if a.domain.is_given)}
        for name, value in case.arguments.items():
            if name in given:
                continue
            after = (called.after or {}).get(name)
            if not same(after, value):
                return f"left {name} as {shown(after)}, expected {shown(value)} as before"
        changed = [
            name
            for name in called.changed
            if not (self.globals_may_change and name.startswith("the global "))
        ]
        if changed:
            return f"changed {changed[0]}, expected it left alone"
        if called.later:
            return f"let {called.later[0]} be changed by later calls, expected it left alone"
        return None

    def snippet(self, case: Expectation, called: Called) -> str:
        changed = [
            argument.name
            for argument in case.entry.values
            if argument.name in case.arguments
            and not argument.domain.is_given
            and not same((called.after or {}).get(argument.name), case.arguments[argument.name])
        ]
        return impure(case, changed, (*called.changed, *called.later))

    def ask(
        self, bench: Bench, session: Session, entry: EntryPoint, asked: Sequence[Expectation]
    ) -> list[Called]:
        # In code that is loaded anew, so that what only a first call does is seen.
        calls = [case.arguments for case in asked]
        return ask(session, entry, calls, watch=True, fresh=True)


@dataclass(frozen=True)
class Deterministic:
    """The same call gives the same again, whatever was called before and whatever random says.

    Use it for every function whose result is to depend on its arguments alone.
    """

    kind: ClassVar[str] = "deterministic"
    plain: ClassVar[bool] = True

    def fits(self, entry: EntryPoint) -> bool:
        return is_function(entry)

    def prepare(self, bench: Bench, entry: EntryPoint) -> None:
        cases(bench, entry)

    def run_session(self, bench: Bench, entry: EntryPoint, session: Session) -> Judgement:
        asked = _spread(cases(bench, entry))
        calls = [case.arguments for case in asked]
        first = ask(session, entry, calls, seed=1)
        with session.another() as other_process:
            elsewhere = ask(other_process, entry, calls[::-1], seed=2)[::-1]
        second = ask(session, entry, calls[::-1], seed=2)[::-1]
        for where, again in (("", second), (" in another process", elsewhere)):
            for case, one, other in zip(asked, first, again, strict=True):
                if not _as_before(one, other):
                    return Judgement(
                        Outcome.FAILED,
                        f"{case.written()} gave {one.told()} and then {other.told()}{where}, "
                        "expected the same again.",
                        fault=Fault.NOT_DETERMINISTIC,
                        snippet=snippet(case, again=True),
                    )
        return Judgement.passed(f"{len(asked)} calls gave the same again.")


def _as_before(one: Called, other: Called) -> bool:
    if one.raised is None or other.raised is None:
        return one.raised is other.raised and same(one.value, other.value)
    return one.raised.kinds == other.raised.kinds


def _spread(every: Sequence[Expectation]) -> list[Expectation]:
    """Some of all calls; between those that give something some that are refused."""
    given = [case for case in every if case.raised is None]
    refused = [case for case in every if case.raised is not None]
    some = [one[:: max(1, len(one) // LOOKED_AT)][:LOOKED_AT] for one in (given, refused)]
    return [case for pair in zip_longest(*some) for case in pair if case is not None]


def is_function(entry: EntryPoint) -> bool:
    """Whether it is a function of plain values."""
    return entry.is_plain and entry.usage is None


def cases(bench: Bench, entry: EntryPoint) -> tuple[Expectation, ...]:
    """All that is asked of an entry point, with what is right. Raises ``ScenarioError``."""

    def make() -> tuple[Expectation, ...]:
        try:
            return tuple(_cases(bench, entry))
        except HypothesisException as error:
            raise ScenarioError(
                f"{bench.scenario.path}: entry point {entry.name!r}: its arguments cannot be "
                f"drawn: {str(error)[:200]}; widen their domains"
            ) from error

    return bench.once(("plain cases", entry.name), make)


def _cases(bench: Bench, entry: EntryPoint) -> Iterable[Expectation]:
    function = bench.oracles.by_name[entry.name].forward
    seed = seed_of(bench, entry, "")
    valid = [*edge_cases(entry, seed), *drawn(arguments(entry), seed, DRAWN)]
    bad = [*bad_cases(entry, seed)]
    for name in _garbled(entry):
        bad += drawn(arguments(entry, name), seed_of(bench, entry, name), GARBLED)
    outside: list[Arguments] = []
    refuses = any(
        spec.kind == Raises.kind and entry.name in (spec.entry_points or (entry.name,))
        for spec in bench.scenario.checks
    )
    if refuses and any(not argument.domain.is_given for argument in entry.values):
        outside = drawn(outside_of(entry), seed_of(bench, entry, "outside"), OUTSIDE)
    for example in outside:
        with suppress(OracleError):  # of what it cannot do there, nothing is asked
            case = expect(function, entry, example, valid=False)
            if _is_refused(case):
                bad.append(example)
    for place, example in enumerate((*valid, *bad)):
        case = expect(function, entry, example, place < len(valid))
        if case.raised is not None and case.valid and not refuses:
            raise OracleError(
                entry.name,
                f"raises {case.raised} for {case.written()}, expected a value: its arguments are "
                "of their domains, and no check raises is asked",
            )
        again = expect(function, entry, copy.deepcopy(example)) if place < LOOKED_AT else case
        if not same(again.value, case.value):
            raise OracleError(
                entry.name,
                f"gives {shown(case.value)} and then {shown(again.value)} for {case.written()}, "
                "expected the same",
            )
        yield case


def _is_refused(case: Expectation) -> bool:
    """Whether the oracle means to refuse what is out of a domain.

    What it does there by chance, no request says: what Python raises, and, for values of
    another type, what is meant for others.
    """
    if not case.on_purpose or case.raised is None:
        return False
    typed = all(
        is_of_type(argument.domain, case.arguments[argument.name])
        for argument in case.entry.values
        if argument.name in case.arguments and not argument.domain.is_given
    )
    return typed or "TypeError" in case.raised.kinds


def _garbled(entry: EntryPoint) -> list[str]:
    return [argument.name for argument in entry.values if argument.domain.pattern is not None]


def seed_of(bench: Bench, entry: EntryPoint, purpose: str) -> str:
    return f"{bench.seed}/{bench.scenario.id}/{entry.name}/{purpose}"


def snippet(case: Expectation, *, again: bool = False) -> str:
    """Python that shows the failure again beside a file ``solution.py``."""
    before = preface(case.arguments.values())
    if case.entry.yields is not None:
        before = f"from itertools import islice\n{before}"
    begin = f"from solution import {case.entry.name}\n{before}\n"
    call = case.written()
    if again:
        return f"{begin}assert {call} == {call}\n"
    if case.raised is not None:
        kind = case.raised.kinds[0]
        refused = f"try:\n    found = {call}\nexcept {kind}:\n    pass\n"
        return f'{begin}{refused}else:\n    raise AssertionError(f"no {kind}: {{found!r}}")\n'
    return (
        f"{begin}found = {call}\nexpected = {literal(case.value)}\n"
        "assert found == expected, found\n"
    )


def impure(case: Expectation, changed: Sequence[str], others: Sequence[str]) -> str:
    """Python that shows what a call does to the arguments ``changed``, by their names.

    ``others`` are what else it changes, in words.
    """
    positional, keywords = split(case.entry.values, case.arguments)
    given = [f"{name} = {literal(case.arguments[name])}" for name in changed]
    names = [a.name for a in case.entry.values if a.name in case.arguments]
    names = [name for name in names if name not in keywords]
    parts = [
        name if name in changed else literal(value)
        for name, value in zip(names, positional, strict=True)
    ]
    parts += [
        f"{key}={key if key in changed else literal(value)}" for key, value in keywords.items()
    ]
    call = f"{case.entry.name}({', '.join(parts)})"
    if case.raised is not None:
        call = f"try:\n    {call}\nexcept {case.raised.kinds[0]}:\n    pass"
    after = [f"assert {name} == {literal(case.arguments[name])}, {name}" for name in changed]
    after += [f"# It changed {other}." for other in others[:1]]
    begin = f"from solution import {case.entry.name}\n{preface(case.arguments.values())}\n"
    return begin + "\n".join([*given, call, *after]) + "\n"
