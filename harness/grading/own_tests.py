"""The submission's own tests: its files, run in the sandbox as they are and spoiled.

Tests that pass also with a spoiled backward have not checked it. What is spoiled, and by which
factor, is drawn; a last run of a file as it is shows that tests do not simply fail from some run
on. Where they cannot be run again in one process, each spoiled run gets a process of its own.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from harness.checks.structure import functions_in, lines_in
from harness.code import Method, Source
from harness.code.mutants import changed_in
from harness.code.terms import DroppedTerm, without_terms
from harness.grading.changed import find_mutants, may_test, pair_of
from harness.grading.load import LOADS, load
from harness.grading.script import Script, scripts
from harness.grading.work import Work
from harness.model import (
    Fault,
    FileRun,
    Notice,
    ObservedGradcheck,
    OwnTests,
    Spoil,
    Spoiling,
)
from harness.numerics.question import Answer
from harness.sandbox import exclusive, shared
from harness.sandbox.inside import wire
from harness.sandbox.session import CandidateFault, Session


def begin_early(work: Work) -> Work:
    """Let them run while the answers are judged, where nothing is left to ask."""
    return _begun(work) if work.settled else work


def begin(work: Work) -> Work:
    """Let them run, unless they do already."""
    return work if work.settled else _begun(work)


def _begun(work: Work) -> Work:
    made = scripts(work.submission, work.source)
    _begin(work.process, made[0])
    return replace(work, scripts=made)


def end(work: Work) -> Work:
    """Wait for them; what a process does not live to see is left to ``run_apart``."""
    found: list[FileRun] = []
    with suppress(CandidateFault):
        for script in work.scripts:
            if found:
                _begin(work.process, script)
            found.append(_end(work.process, work, script))
    return replace(work, own_tests=_together(work, found)) if found else work


def run_apart(work: Work) -> Work:
    """Run in a process of its own each file that did not pass beside the questions.

    There nothing that the questions did is in its way. What cannot be imported cannot test
    itself either.
    """
    if any(f.check == LOADS and f.entry_point is None for f in work.findings):
        return work
    if work.own_tests is None:
        work = find_mutants(work)
    passed = {run.path: run for run in work.own_tests.files if run.passed} if work.own_tests else {}
    files = work.scripts or scripts(work.submission, work.source)
    runs = [passed.get(script.path) or _run_apart(work, script) for script in files]
    return replace(work, own_tests=_together(work, [_with_own_faults(work, r) for r in runs]))


def _together(work: Work, runs: Sequence[FileRun]) -> OwnTests:
    """What all files did; a fault is noticed where any of them notices it."""
    faults: dict[tuple[object, ...], Spoiling] = {}
    for run in runs:
        alike = dict[tuple[object, ...], int]()
        for one in run.spoilings:
            what = (one.function, one.kind, one.gradient)
            alike[what] = alike.get(what, 0) + 1
            before = faults.get((*what, alike[what]), one)
            better = max(before, one, key=lambda s: (s.noticed, s.apart))
            faults[*what, alike[what]] = better
    stopped = next((run for run in runs if not run.passed), None)
    return OwnTests(
        passed=stopped is None,
        error=stopped.error if stopped else None,
        gradchecks=tuple(check for run in runs for check in run.gradchecks),
        functions=tuple(f.name for f in work.source.functions),
        used_by=_used_by(work),
        spoilings=tuple(faults.values()),
        files=tuple(runs),
    )


def _with_own_faults(work: Work, run: FileRun) -> FileRun:
    """Tests that pass beside a gradient that gradcheck rejects check nothing of it."""
    used = _used_by(work)
    wrong = {
        name
        for finding in work.findings
        if finding.fault is Fault.GRADCHECK and run.passed
        for name in used.get(finding.entry_point or "", ())
    }
    if run.path:
        wrong &= {one.function for one in run.spoilings}
    faults = tuple(Spoiling(name, Spoil.OWN, None, False, False) for name in sorted(wrong))
    others = tuple(one for one in run.spoilings if one.function not in wrong)
    return replace(run, spoilings=faults + others)


def _used_by(work: Work) -> dict[str, tuple[str, ...]]:
    return {name: functions_in(answer) for name, answer in work.plain.items()}


# Tests may take so many times as long as an answer: thorough ones do.
PATIENCE = 6.0


def _run_apart(work: Work, script: Script) -> FileRun:
    def run(patience: float) -> FileRun:
        with _own_session(work, patience) as session:
            _begin(session, script)
            return _end(session, work, script)

    try:
        with shared(work.address), suppress(CandidateFault):
            return run(PATIENCE)
        # A fault is believed when it comes again, without neighbours, which do not wait long.
        with exclusive(work.address):
            return run(1.0)
    except CandidateFault as fault:
        return FileRun(script.path, False, str(fault))


@contextmanager
def _own_session(work: Work, patience: float) -> Iterator[Session]:
    """A process with nothing in it but what the request provides."""
    with work.start_session(patience) as session:
        modules = work.plan.bench.oracles.sources
        session.request({"do": "load", "source": "", "modules": modules, "entry_points": {}})
        yield session


def _begin(
    session: Session,
    script: Script,
    spoil: Mapping[str, object] | None = None,
    code: str | None = None,
) -> None:
    session.renew()
    with suppress(CandidateFault):  # which the end of it will meet again
        session.send(wire.encode(script.request(spoil, code), []))


def _end(session: Session, work: Work, script: Script) -> FileRun:
    """What a file did, and what it does with its backwards spoiled."""
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
    printed, skipped = reply.get("printed"), reply.get("skipped")
    spoilings = _spoilings(session, work, script, reply) if said is None else ()
    return FileRun(
        script.path,
        said is None,
        said,
        printed if isinstance(printed, str) else "",
        gradchecks,
        spoilings,
        skipped if type(skipped) is int else 0,
    )


# --------------------------------------------------------------------------
# With a backward spoiled

# What backwards are multiplied by, from and to: no tolerance that means something allows it.
LEAST_FACTOR, MOST_FACTOR = 1.3, 1.9
# Gradients of one Function that are negated in turn, classes of one name that are told apart, and
# Functions looked at.
MOST_SIGNS, MOST_ALIKE, MOST_FUNCTIONS = 3, 8, 12
# Terms left out, per Function.
MOST_TERMS = 2


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
    """Further runs of a file, in the process of the first run as long as that will do."""

    def __init__(self, work: Work, script: Script, session: Session | None = None) -> None:
        self.work = work
        self.script = script
        self.session = session

    def fails(self, fault: _Fault) -> bool:
        """Whether the tests fail with a fault."""
        if self.session is not None:
            return self._fails(self.session, fault)
        with self.work.start_session(PATIENCE) as session:
            load(session, self.work)
            return self._fails(session, fault)

    def _fails(self, session: Session, fault: _Fault) -> bool:
        if fault.imported is not None:
            load(session, self.work, fault.imported)
        _begin(session, self.script, fault.spoil, fault.code)
        reply, _ = session.receive(0)
        if fault.imported is not None:
            load(session, self.work)
        return reply.get("error") is not None


@dataclass(frozen=True)
class _Fault:
    """What is spoiled in one run, as the sandbox is told."""

    spoil: Mapping[str, object]
    # The file that is run instead; ``None`` where it is the same.
    code: str | None = None
    # The submission's code that a file of tests then imports; ``None`` where it is the same.
    imported: str | None = None


NONE = _Fault({})


@dataclass(frozen=True)
class _Tried:
    """Spoilings, and the first fault that was noticed."""

    spoilings: tuple[Spoiling, ...]
    noticed: _Fault | None


def _spoilings(
    session: Session, work: Work, script: Script, reply: Mapping[str, Any]
) -> tuple[Spoiling, ...]:
    targets = _targets(work, reply)
    apart = _Repeated(work, script)
    if not targets and (Notice.VALUE not in work.plan.scenario.notices or not may_test(work)):
        return ()
    with suppress(CandidateFault):
        runs = _Repeated(work, script, session)
        found = _Trial(runs, work, script).all_of(targets)
        # Tests that fail from some run on have noticed nothing: once more as they are, and with the
        # fault in a process in which they have not been run before.
        if found.noticed is None or (not runs.fails(NONE) and apart.fails(found.noticed)):
            return found.spoilings
    with suppress(CandidateFault):
        if not apart.fails(NONE):
            return _Trial(apart, work, script).all_of(targets).spoilings
    return ()


class _Trial:
    """Faults put into one file, one after the other."""

    def __init__(self, runs: _Repeated, work: Work, script: Script) -> None:
        self.runs = runs
        self.work = work
        self.script = script
        self.random = random.Random(
            f"{work.plan.bench.seed}/{work.submission.sha256}/own tests/{script.path}"
        )
        self.lines = _lines(work, script)
        self.found: list[Spoiling] = []
        self.noticed: _Fault | None = None

    def all_of(self, targets: Sequence[_Target]) -> _Tried:
        """Try every kind of fault that the scenario asks tests to notice."""
        scenario = self.work.plan.scenario
        for target in targets:
            if Notice.SECOND_ORDER in scenario.notices:
                fault = _Fault({**self._about(target), "factor": self._factor(), "kind": "second"})
                self._add(target.name, Spoil.SECOND, None, True, self._fails(fault))
            if Notice.GRADIENT in scenario.notices:
                self._gradients(target)
        for entry in scenario.entry_points if Notice.VALUE in scenario.notices else ():
            # What lies between two of which one undoes the other may be another text as well.
            pair = pair_of(self.work, entry)
            name = pair[1].name if pair else entry.name
            fault = _Fault({"value": name, "factor": self._factor()})
            self._add(entry.name, Spoil.VALUE, None, True, self._fails(fault))
        for mutant in self.work.mutants:
            code, imported = self._with(mutant.code)
            try:
                noticed = self._fails(_Fault({"kind": "nothing"}, code, imported))
            except CandidateFault:
                # It ends its own tests, or never lets them end, and so do those that would follow.
                self._add(mutant.entry, Spoil.SOURCE, mutant.words, True, True)
                break
            self._add(mutant.entry, Spoil.SOURCE, mutant.words, True, noticed)
        return _Tried(tuple(self.found), self.noticed)

    def _with(self, changed: str) -> tuple[str | None, str | None]:
        """What is run, and what it imports, with the submission's code changed."""
        if not self.script.path:
            return changed, None
        code = changed_in(self.script.code, self.work.submission.code or "", changed)
        return (None, changed) if code is None else (code, None)

    def _gradients(self, target: _Target) -> None:
        """All gradients times a factor; where that is noticed, their signs and terms."""
        about = self._about(target)
        needed = [set(names) for names in _used_by(self.work).values()]
        allowed = {target.name}.union(*(names for names in needed if target.name in names))
        apart = [company <= allowed for company in target.company]
        factor = {**about, "factor": self._factor()}
        noticed = False
        if any(apart):
            company = None if all(apart) else sorted(allowed)
            noticed = self._fails(_Fault({**factor, "company": company}))
            if noticed and company is not None:
                # Not where it only differs from what it is in that company.
                noticed = self._fails(_Fault(factor))
        by_itself = noticed
        if not noticed and not all(apart):
            noticed = self._fails(_Fault(factor))
        self._add(target.name, Spoil.FACTOR, None, by_itself, noticed)
        if not noticed:
            return
        for place in target.gradients[:MOST_SIGNS]:
            noticed = self._fails(_Fault({**about, "kind": "sign", "place": place}))
            gradient = self._gradient(target, place)
            self._add(target.name, Spoil.SIGN, gradient, by_itself, noticed)
        for function in self.script.source.functions if target.name else ():
            if function.name != target.name or not _begins(
                function.backward, self.lines, target.name
            ):
                continue
            for term in _some_of(without_terms(self.script.code, function)):
                fault = _Fault({"name": target.name, "kind": "nothing"}, term.code)
                words = f"the term `{term.term}` of {self._gradient(target, term.place)}"
                self._add(target.name, Spoil.TERM, words, by_itself, self._fails(fault))

    def _about(self, target: _Target) -> dict[str, object]:
        return {"name": target.name, "rank": target.rank, "lines": self.lines}

    def _factor(self) -> float:
        return self.random.uniform(LEAST_FACTOR, MOST_FACTOR)

    def _fails(self, fault: _Fault) -> bool:
        noticed = self.runs.fails(fault)
        if noticed and self.noticed is None:
            self.noticed = fault
        return noticed

    def _add(
        self, name: str, kind: Spoil, gradient: str | None, apart: bool, noticed: bool
    ) -> None:
        self.found.append(Spoiling(name, kind, gradient, apart, noticed))

    def _gradient(self, target: _Target, place: int) -> str:
        for function in self.work.source.functions:
            if function.name == target.name and place < len(function.inputs or ()):
                assert function.inputs is not None
                return f"the gradient of {function.inputs[place]}"
        return f"gradient {place + 1}"


def _some_of(terms: Sequence[DroppedTerm]) -> list[DroppedTerm]:
    """The outermost of each gradient first."""
    first = list({term.place: term for term in reversed(terms)}.values())[::-1]
    return [*first, *(term for term in terms if term not in first)][:MOST_TERMS]


def _begins(method: Method | None, lines: Mapping[str, list[int]], name: str) -> bool:
    """Whether it is the graded backward of the Function of that name."""
    return method is not None and (name not in lines or _first_line(method.node) in lines[name])


def _lines(work: Work, script: Script) -> dict[str, list[int]]:
    """The lines of a file at which the graded backward of each Function begins.

    In a file of tests that is where the same code stands.
    """
    graded: dict[str, list[int]] = {}
    for answer in work.plain.values():
        for name, line in lines_in(answer):
            graded.setdefault(name, []).append(line)
    if not script.path:
        return graded
    here, there = _bodies(work.source), _bodies(script.source)
    found: dict[str, list[int]] = {}
    for name, lines in graded.items():
        bodies = {body for line, body in here.items() if line in lines}
        # A backward that no source shows cannot be told from another one of that name.
        if bodies:
            found[name] = [line for line, body in there.items() if body in bodies]
    return found


def _bodies(source: Source) -> dict[int, str]:
    """The backward of each Function as its source has it, by the line at which it begins."""
    methods = [f.backward for f in source.functions if f.backward is not None]
    return {_first_line(method.node): ast.dump(method.node) for method in methods}


def _first_line(node: ast.FunctionDef) -> int:
    """Of its decorators, too, as the interpreter counts."""
    return min([node.lineno, *(one.lineno for one in node.decorator_list)])


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
