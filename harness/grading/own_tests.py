"""The submission's own tests: its file, run as a script in the sandbox, as it is and spoiled.

Tests that pass also with a spoiled backward have not checked it. What is spoiled, and by which
factor, is drawn; a last run of the file as it is shows that tests do not simply fail from some run
on. Where they cannot be run again in one process, each spoiled run gets a process of its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from harness.checks.structure import functions_in, lines_in
from harness.code import Source
from harness.grading.load import LOADS, load
from harness.grading.work import Work
from harness.model import Fault, Notice, ObservedGradcheck, OwnTests, Spoil, Spoiling
from harness.numerics.question import Answer
from harness.sandbox import exclusive, shared
from harness.sandbox.inside import wire
from harness.sandbox.session import CandidateFault, Session


def begin_early(work: Work) -> Work:
    """Let them run while the answers are judged, where nothing is left to ask."""
    if work.settled:
        _begin(work.process, work)
    return work


def begin(work: Work) -> Work:
    """Let them run, unless they do already."""
    if not work.settled:
        _begin(work.process, work)
    return work


def end(work: Work) -> Work:
    """Wait for them; a process that does not live so long leaves them to ``run_apart``."""
    with suppress(CandidateFault):
        return replace(work, own_tests=_end(work.process, work))
    return work


def run_apart(work: Work) -> Work:
    """Run them in a process of their own where they did not pass beside the questions.

    There nothing that the questions did is in their way. What cannot be imported cannot test
    itself either.
    """
    loads = any(f.check == LOADS and f.entry_point is None for f in work.findings)
    own_tests = work.own_tests
    if not loads and (own_tests is None or not own_tests.passed):
        own_tests = _run_apart(work)
    if own_tests is None:
        return work
    found = replace(own_tests, used_by=_used_by(work), spoilings=_with_own_faults(work, own_tests))
    return replace(work, own_tests=found)


def _with_own_faults(work: Work, own_tests: OwnTests) -> tuple[Spoiling, ...]:
    """The spoilings; tests that pass beside a gradient that gradcheck rejects check nothing."""
    used = _used_by(work)
    wrong = {
        name
        for finding in work.findings
        if finding.fault is Fault.GRADCHECK and own_tests.passed
        for name in used.get(finding.entry_point or "", ())
    }
    faults = tuple(Spoiling(name, Spoil.OWN, None, False, False) for name in sorted(wrong))
    return faults + tuple(one for one in own_tests.spoilings if one.function not in wrong)


def _used_by(work: Work) -> dict[str, tuple[str, ...]]:
    return {name: functions_in(answer) for name, answer in work.plain.items()}


def _run_apart(work: Work) -> OwnTests:
    def run() -> OwnTests:
        with _own_session(work) as session:
            _begin(session, work)
            return _end(session, work)

    try:
        with shared(work.address), suppress(CandidateFault):
            return run()
        # A fault is believed when it comes again, without neighbours.
        with exclusive(work.address):
            return run()
    except CandidateFault as fault:
        return OwnTests(False, str(fault), (), tuple(f.name for f in work.source.functions))


@contextmanager
def _own_session(work: Work) -> Iterator[Session]:
    """A process with nothing in it but what the request provides."""
    with work.start_session() as session:
        modules = work.plan.bench.oracles.sources
        session.request({"do": "load", "source": "", "modules": modules, "entry_points": {}})
        yield session


def _begin(session: Session, work: Work, spoil: Mapping[str, object] | None = None) -> None:
    session.renew()
    tests = [] if work.source.main_lines else _standalone_tests(work.source)
    script: dict[str, object] = {
        "do": "script",
        "source": work.submission.code,
        "tests": tests,
    }
    if spoil is not None:
        script["spoil"] = dict(spoil)
    with suppress(CandidateFault):  # which the end of it will meet again
        session.send(wire.encode(script, []))


def _end(session: Session, work: Work) -> OwnTests:
    """What the script did, and what it does with its backwards spoiled."""
    read = work.source
    reply, _ = session.receive(0)
    error = reply.get("error")
    said = None
    if error is not None:
        said = Answer({}, {}, error).error_text() if isinstance(error, dict) else "unknown error"
    observed = reply.get("gradchecks")
    gradchecks = tuple(
        found
        for entry in (observed if isinstance(observed, list) else [])
        if (found := _observed(entry)) is not None
    )
    spoilings = _spoilings(session, work, reply) if said is None else ()
    functions = tuple(f.name for f in read.functions)
    return OwnTests(said is None, said, gradchecks, functions, spoilings=spoilings)


# --------------------------------------------------------------------------
# With a backward spoiled

# What backwards are multiplied by, from and to: no tolerance that means something allows it.
LEAST_FACTOR, MOST_FACTOR = 1.3, 1.9
# Gradients of one Function that are negated in turn, classes of one name that are told apart, and
# Functions looked at.
MOST_SIGNS, MOST_ALIKE, MOST_FUNCTIONS = 3, 8, 12


@dataclass(frozen=True)
class _Target:
    """A Function whose backward ran in the tests."""

    name: str
    # Its number; -1 stands for all of that name.
    rank: int
    # Places among what it returns.
    gradients: tuple[int, ...]
    # The Functions that had a part in the same backward, for each such set.
    company: tuple[frozenset[str], ...]


class _Repeated:
    """Further runs of the tests, in the process of the first run as long as that will do."""

    def __init__(self, work: Work, session: Session | None = None) -> None:
        self.work = work
        self.session = session

    def fails(self, spoil: Mapping[str, object]) -> bool:
        """Whether the tests fail with a backward spoiled so; not at all with an empty one."""
        if self.session is not None:
            return self._fails(self.session, spoil)
        with self.work.start_session() as session:
            load(session, self.work)
            return self._fails(session, spoil)

    def _fails(self, session: Session, spoil: Mapping[str, object]) -> bool:
        _begin(session, self.work, spoil)
        reply, _ = session.receive(0)
        return reply.get("error") is not None


@dataclass(frozen=True)
class _Tried:
    """Spoilings, and how to try the first that was noticed again."""

    spoilings: tuple[Spoiling, ...]
    again: Mapping[str, object] | None


def _spoilings(session: Session, work: Work, reply: Mapping[str, Any]) -> tuple[Spoiling, ...]:
    targets = _targets(work, reply)
    apart = _Repeated(work)
    if not targets and Notice.VALUE not in work.plan.scenario.notices:
        return ()
    with suppress(CandidateFault):
        runs = _Repeated(work, session)
        found = _tried(runs, work, targets)
        # Tests that fail from some run on have noticed nothing: once more as they are, and with the
        # fault in a process in which they have not been run before.
        if found.again is None or (not runs.fails({}) and apart.fails(found.again)):
            return found.spoilings
    with suppress(CandidateFault):
        if not apart.fails({}):
            return _tried(apart, work, targets).spoilings
    return ()


def _tried(runs: _Repeated, work: Work, targets: Sequence[_Target]) -> _Tried:
    rng = random.Random(f"{work.plan.bench.seed}/{work.submission.sha256}/own tests")
    lines = {name: line for answer in work.plain.values() for name, line in lines_in(answer)}
    needed = [set(names) for names in _used_by(work).values()]
    inputs = {function.name: function.inputs for function in work.source.functions}
    found: list[Spoiling] = []
    again: dict[str, object] | None = None
    notices = work.plan.scenario.notices
    for target in targets:
        spoil = {"name": target.name, "rank": target.rank, "lines": lines}
        allowed = {target.name}.union(*(names for names in needed if target.name in names))
        apart = [company <= allowed for company in target.company]
        factor = {**spoil, "factor": rng.uniform(LEAST_FACTOR, MOST_FACTOR)}
        if Notice.SECOND_ORDER in notices:
            second = {**factor, "kind": "second"}
            noticed = runs.fails(second)
            again = again or (second if noticed else None)
            found.append(Spoiling(target.name, Spoil.SECOND, None, True, noticed))
        if Notice.GRADIENT not in notices:
            continue
        noticed = False
        if any(apart):
            company = None if all(apart) else sorted(allowed)
            noticed = runs.fails({**factor, "company": company})
        by_itself = noticed
        if not noticed and not all(apart):
            noticed = runs.fails(factor)
        found.append(Spoiling(target.name, Spoil.FACTOR, None, by_itself, noticed))
        if not noticed:
            continue
        again = again or factor
        for place in target.gradients[:MOST_SIGNS]:
            noticed = runs.fails({**spoil, "kind": "sign", "place": place})
            named = inputs.get(target.name) or ()
            gradient = f"gradient {place + 1}"
            if place < len(named):
                gradient = f"the gradient of {named[place]}"
            found.append(Spoiling(target.name, Spoil.SIGN, gradient, by_itself, noticed))
    for entry in work.plan.scenario.entry_points if Notice.VALUE in notices else ():
        value = {"value": entry.name, "factor": rng.uniform(LEAST_FACTOR, MOST_FACTOR)}
        noticed = runs.fails(value)
        again = again or (value if noticed else None)
        found.append(Spoiling(entry.name, Spoil.VALUE, None, True, noticed))
    return _Tried(tuple(found), again)


def _places(targets: Sequence[_Target]) -> tuple[int, ...]:
    return tuple(sorted({place for target in targets for place in target.gradients}))


def _targets(work: Work, reply: Mapping[str, Any]) -> list[_Target]:
    """The Functions of entry points whose backward ran; where the design wants a twin, all."""
    reported = reply.get("functions")
    seen = [
        _Target(
            str(entry.get("name")),
            rank if type(rank := entry.get("rank")) is int else -1,
            tuple(place for place in entry.get("gradients", ()) if type(place) is int),
            tuple(
                frozenset(map(str, names))
                for names in entry.get("company", ())
                if isinstance(names, list)
            ),
        )
        for entry in (reported if isinstance(reported, list) else [])
        if isinstance(entry, dict)
        and isinstance(entry.get("company"), list)
        and isinstance(entry.get("gradients"), list)
    ]
    if work.plan.scenario.gradcheck_fails_by_design and seen:
        # An empty name stands for every Function: the one that was asked for and its twin.
        return [_Target("", -1, _places(seen), (frozenset(),))]
    used = {name for names in _used_by(work).values() for name in names}
    found: list[_Target] = []
    for name in used:
        alike = [target for target in seen if target.name == name]
        if len(alike) > MOST_ALIKE:
            company = frozenset(c for target in alike for c in target.company)
            alike = [_Target(name, -1, _places(alike), tuple(company))]
        found += alike
    order = {name: place for place, name in enumerate(dict.fromkeys(t.name for t in seen))}
    return sorted(found, key=lambda target: (order[target.name], target.rank))[:MOST_FUNCTIONS]


def _standalone_tests(read: Source) -> list[str]:
    """Test functions that take no arguments, in a file that does not run them itself."""
    return [
        name
        for name in read.tests
        if name in read.defs and not read.defs[name].args.args and name.startswith("test")
    ]


def _observed(entry: object) -> ObservedGradcheck | None:
    """One watched call as the candidate's side reported it; ``None`` where it makes no sense."""
    if not isinstance(entry, dict):
        return None
    options = entry.get("options")
    names, dtypes = entry.get("functions"), entry.get("dtypes")
    if not (isinstance(options, dict) and isinstance(names, list) and isinstance(dtypes, list)):
        return None
    error = entry.get("error")
    return ObservedGradcheck(
        name=str(entry.get("name")),
        functions=tuple(str(name) for name in names),
        dtypes=tuple(str(dtype) for dtype in dtypes),
        options={str(k): v for k, v in options.items() if isinstance(v, bool | int | float)},
        passed=entry.get("passed") is True,
        error=None if error is None else str(error),
    )
