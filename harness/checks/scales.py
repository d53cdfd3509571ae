"""How time and memory of a function of plain values grow with what it is given."""

from __future__ import annotations

import copy
import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from harness.checks.context import Bench, Judgement
from harness.checks.plain import is_function, seed_of
from harness.errors import ScenarioError
from harness.model import DomainKind, EntryPoint, Fault, Outcome, ValueArgument
from harness.numerics.oracles import OracleError
from harness.numerics.plain.asking import Expectation, ask, expect, oracle_peak, unlike
from harness.numerics.plain.drawing import TAKEN, Arguments, arguments, drawn
from harness.numerics.plain.growing import GROWS, grown
from harness.numerics.plain.peak import MARGIN, sizes_to, steeper
from harness.sandbox.session import CandidateFault, Session

# Sizes are doubled from the first on, until a call takes so long or the last is reached.
FIRST, LONG_S = 256, 0.3
# What takes less is fast, whatever its slope.
SHORT_S = 0.1
# How often the last two sizes are measured again before anybody is accused.
TIMES = 4
# How often the oracle's memory is measured: other threads of this process allocate, too.
MEASURED = 2
# Items of a generator that are taken for each of what is handed over.
ITEMS = 4


class Sized(NamedTuple):
    """A call of one size with what is right, and how long the oracle takes."""

    size: int
    case: Expectation
    oracle_s: float


class Grown(NamedTuple):
    """What is said of time, and the largest size that was asked."""

    judgement: Judgement
    size: int


@dataclass(frozen=True)
class Scales:
    """Twice as much input takes more time and memory by no more than it does for the oracle.

    Use it where a request says how a function copes with much, or where the obvious way is
    quadratic or keeps what it could let go of. The argument called ``by`` is doubled up to
    ``most`` items, characters, bytes or keys, or an integer to that value; lists and iterators
    are random and ascending. Results must be right there, too. CPU time is counted by the
    kernel, from outside; memory is what Python allocates in the call, as the process says. As
    handing over is linear, nothing below linear is told apart, except in memory where an
    iterator is doubled. Give items a wide domain, lest there be few different ones.
    """

    kind: ClassVar[str] = "scales"
    plain: ClassVar[bool] = True

    # The argument that is made larger.
    by: str
    # The largest size.
    most: int = 8192

    def fits(self, entry: EntryPoint) -> bool:
        known = (
            a
            for a in entry.values
            if a.name == self.by and a.domain.kind in GROWS and not a.domain.endless
        )
        return is_function(entry) and any(known)

    def prepare(self, bench: Bench, entry: EntryPoint) -> None:
        """Raise ``ScenarioError`` where there is nothing to ask, or the oracle cannot be used."""
        if not 2 * FIRST <= self.most <= 65536:
            raise ScenarioError(
                f"{bench.scenario.path}: check 'scales': found most: {self.most}, expected "
                f"{2 * FIRST} to 65536; correct it"
            )
        for sizes in self._calls(bench, entry):
            for sized in sizes:
                if sized.case.raised is not None:
                    raise OracleError(
                        entry.name,
                        f"raises {sized.case.raised} where {self.by} is {sized.size} long",
                    )

    def run_session(self, bench: Bench, entry: EntryPoint, session: Session) -> Judgement:
        told = []
        # In a process of its own, whose limit on CPU time nothing else has used up.
        with session.another() as process:
            for ascending, sizes in enumerate(self._calls(bench, entry)):
                found, size = self._grown(process, entry, sizes)
                if found.outcome is not Outcome.FAILED:
                    found = self._kept(process, bench, entry, bool(ascending), size) or found
                if found.outcome is not Outcome.PASSED:
                    return found
                told.append(found.message)
        return Judgement.passed(told[0])

    def _grown(self, process: Session, entry: EntryPoint, sizes: tuple[Sized, ...]) -> Grown:
        before: Sized | None = None
        for sized in sizes:
            try:
                took_s, wrong = _measured(process, entry, sized)
            except CandidateFault as fault:
                said = f"with {self.by} of size {sized.size} {fault}"
                failed = _failed(f"{said}, where the oracle takes {sized.oracle_s:.2g} s")
                return Grown(failed, sized.size)
            if wrong is not None:
                said = f"with {self.by} of size {sized.size} it {wrong}"
                return Grown(_failed(said, Fault.WRONG_VALUE), sized.size)
            if took_s >= LONG_S or sized is sizes[-1]:
                if before is None or took_s < SHORT_S:
                    break
                return Grown(self._compared(process, entry, before, sized), sized.size)
            before = sized
        said = f"Size {sized.size} of {self.by} takes {took_s:.2g} s of CPU time."
        return Grown(Judgement.passed(said), sized.size)

    def _kept(
        self, process: Session, bench: Bench, entry: EntryPoint, ascending: bool, last: int
    ) -> Judgement | None:
        """What to say where memory grows faster than the oracle's, or cannot be measured."""
        function = bench.oracles.by_name[entry.name].forward
        found: dict[int, int] = {}
        right: dict[int, int] = {}
        for size in sizes_to(last):
            key = (self, entry.name, ascending, size)
            given = bench.once(key, lambda: self._given(bench, entry, ascending, size))  # noqa: B023

            def least(given: Arguments = given) -> int | None:
                every = [oracle_peak(function, entry, given) for _ in range(MEASURED)]
                return min((one for one in every if one is not None), default=None)

            expected = bench.once((*key, "peak"), least)
            if expected is None:
                return None
            process.renew()
            try:
                (called,) = ask(process, entry, [given], peak=True)
            except CandidateFault:
                return _untold("the process ended while memory was measured")
            if called.raised is not None and "MemoryError" in called.raised.kinds:
                # What counts memory takes some itself.
                return _untold("memory ran out while it was measured")
            if called.raised is not None:
                return _failed(
                    f"with {self.by} of size {size} it raised {called.raised}, expected a result",
                    Fault.RAISED,
                )
            if type(called.value) is not int:
                return _failed("it stops tracemalloc, by which its memory is measured")
            found[size], right[size] = called.value, expected
        # What is handed over whole is in memory, whatever is done with it.
        least_slope = 0.0 if self._argument(entry).domain.kind is DomainKind.ITERATOR else 1.0
        grown_by = steeper(found, right, last, least_slope) if found else None
        if grown_by is None:
            return None
        first, most = sizes_to(last)[1], last
        return _failed(
            f"from {first} to {most} of {self.by} the memory in use at once grows from "
            f"{grown_by.first / 1024:.2g} to {grown_by.last / 1024:.3g} KiB, as size to the power "
            f"{grown_by.slope:.1f}, expected at most {grown_by.right:.1f} as the oracle's does",
            Fault.KEPT_MEMORY,
        )

    def _compared(
        self, process: Session, entry: EntryPoint, small: Sized, large: Sized
    ) -> Judgement:
        """Whether the exponent between two sizes is that of the oracle."""
        least = {small.size: math.inf, large.size: math.inf}
        try:
            for sized in (small, large) * TIMES:
                took_s, _ = _measured(process, entry, sized)
                least[sized.size] = min(least[sized.size], took_s)
        except CandidateFault:
            return _untold("the process ended while it was measured again")
        times = least[small.size], least[large.size]
        if not 0 < times[0] <= 1.5 * times[1]:
            return _untold("times on this machine are too uneven")
        doublings = math.log2(large.size / small.size)
        slope = math.log2(times[1] / times[0]) / doublings
        right = max(1.0, math.log2(large.oracle_s / small.oracle_s) / doublings)
        said = (
            f"from {small.size} to {large.size} of {self.by} CPU time grows from {times[0]:.2g} s "
            f"to {times[1]:.2g} s, as size to the power {slope:.1f}"
        )
        if slope > right + MARGIN and times[1] > 2 * large.oracle_s:
            return _failed(f"{said}, expected at most {right:.1f} as the oracle's does")
        return Judgement.passed(f"{said[:1].upper()}{said[1:]}.")

    def _calls(self, bench: Bench, entry: EntryPoint) -> tuple[tuple[Sized, ...], ...]:
        kind = self._argument(entry).domain.kind
        several = kind in (DomainKind.LIST, DomainKind.ITERATOR)

        def make() -> tuple[tuple[Sized, ...], ...]:
            orders = (False, True) if several else (False,)
            return tuple(tuple(self._sized(bench, entry, ascending)) for ascending in orders)

        return bench.once((self, entry.name), make)

    def _sized(self, bench: Bench, entry: EntryPoint, ascending: bool) -> Iterator[Sized]:
        function = bench.oracles.by_name[entry.name].forward
        rng = random.Random(seed_of(bench, entry, f"{self.kind}/{ascending}"))
        size = FIRST
        while size <= self.most:
            given = self._given(bench, entry, ascending, size, rng)
            case = expect(function, entry, given)
            yield Sized(size, case, min(_timed(function, entry, given) for _ in range(3)))
            size *= 2

    def _given(
        self,
        bench: Bench,
        entry: EntryPoint,
        ascending: bool,
        size: int,
        rng: random.Random | None = None,
    ) -> Arguments:
        """Arguments of which the one called ``by`` has a size; of a generator, all its items."""
        seed = seed_of(bench, entry, f"{self.kind}/{ascending}")
        rng = random.Random(f"{seed}/{size}") if rng is None else rng
        key = (self, entry.name, ascending, "usual")
        usual = bench.once(key, lambda: drawn(arguments(entry), seed, 3)[-1])
        taken = {TAKEN: ITEMS * size} if entry.yields is not None else {}
        return {**usual, self.by: grown(self._argument(entry), size, rng, ascending), **taken}

    def _argument(self, entry: EntryPoint) -> ValueArgument:
        """The one that is made larger."""
        (argument,) = (a for a in entry.values if a.name == self.by)
        return argument


def _untold(why: str) -> Judgement:
    return Judgement(Outcome.UNGRADED, f"Cannot tell: {why}.")


def _failed(message: str, fault: Fault = Fault.COST) -> Judgement:
    return Judgement(Outcome.FAILED, f"{message[:1].upper()}{message[1:]}.", fault=fault)


def _measured(process: Session, entry: EntryPoint, sized: Sized) -> tuple[float, str | None]:
    """CPU seconds of a call, and what is wrong with its answer."""
    process.renew()
    before_s = process.cpu_s()
    (called,) = ask(process, entry, [sized.case.arguments])
    took_s = process.cpu_s() - before_s
    if unlike(sized.case, called, entry.values, 1e-9, 1e-12) is None:
        return took_s, None
    # A value of this size is nothing to read.
    if called.raised is not None:
        return took_s, f"raised {called.raised}, expected a result"
    return took_s, "gave something other than the oracle does"


def _timed(function: Callable[..., Any], entry: EntryPoint, given: Arguments) -> float:
    """CPU seconds that the oracle takes, with what handing over takes."""
    begun = time.thread_time()
    expect(function, entry, copy.copy(given))
    return max(time.thread_time() - begun, 1e-6)
