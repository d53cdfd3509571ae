"""What a transcript shows about verification: which tests ran on which state of the code.

Whether tests can notice anything is found out by experiment (``grading.own_tests``); here it is
worked out whether and when they were run, and what came of it. A Function counts as checked while
everything that it is made of reads as it did when they ran.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from harness.code import GradcheckCall, Source
from harness.code.names import mentioned
from harness.code.nodes import walk
from harness.code.states import analyse_once, function_states
from harness.model import (
    Event,
    EventKind,
    FileRun,
    Level,
    OwnTests,
    Scenario,
    Spoil,
    Spoiling,
    Step,
    StepKind,
    Submission,
    Verification,
    VerificationWhy,
)
from harness.read.transcripts import (
    FileChange,
    Ran,
    ScriptRun,
    at_home,
    bundle,
    ran,
    replay,
)
from harness.verification.ending import end_of
from harness.verification.ran import first_line, judge_run
from harness.verification.written import (
    Needed,
    Weakness,
    WrittenCheck,
    all_of,
    listed,
    subjects,
    weakness,
)

# Characters of code in different states that are read for the changes, and for the runs.
_MAX_READ = 500_000
# Commands behind which a run may hide that is not seen here.
HIDES = re.compile(
    r"\b(?:make|docker|podman|ssh|tox|nox|just|xargs|srun|sbatch|tmux|screen|parallel)\b|\.sh\b"
)


@dataclass(frozen=True)
class RecordedCheck:
    """One file of tests that was run."""

    # Index of the step, and its line in the rendered text.
    step: int
    line: int
    # What it did in the sandbox; ``None`` where it was not run there.
    here: FileRun | None
    # The gradchecks that are read in it: Functions, and why one proves nothing.
    calls: tuple[tuple[frozenset[str], Weakness | None], ...]
    # ``None`` where nobody can tell, for the reason in ``why``.
    passed: bool | None
    why: str
    # What each Function was made of at the time; those whose file was not known are missing.
    states: Mapping[str, int]
    # Entry points that its tests call, as they read.
    calling: frozenset[str] = frozenset()

    @property
    def noticed(self) -> frozenset[str]:
        """Functions whose spoiling it notices; an empty name stands for all of them."""
        tried = self.here.spoilings if self.here else ()
        return frozenset(one.function for one in tried if one.noticed)

    @property
    def functions(self) -> frozenset[str]:
        """Functions that it checks: as was found out, else as it reads."""
        if self.noticed:
            return self.noticed
        return self.calling.union(*(functions for functions, _ in self.calls))

    @property
    def weakness(self) -> Weakness | None:
        """Why it proves nothing, as it reads; ``None`` where it seems to."""
        if not self.calls or any(weak is None for _, weak in self.calls):
            return None
        return self.calls[0][1]

    @property
    def good(self) -> bool:
        """Whether it passed, and means something as far as is known."""
        if self.here is not None:
            return self.passed is True and self.here.passed and bool(self.noticed)
        sound = any(functions for functions, weak in self.calls if weak is None)
        return self.passed is True and sound


@dataclass(frozen=True)
class TranscriptEvidence:
    """Everything that a transcript shows about verification."""

    checks: tuple[RecordedCheck, ...]
    events: tuple[Event, ...]
    # What each Function is made of at the end.
    final: Mapping[str, int]
    # Functions that are to be verified.
    wanted: frozenset[str]
    # Whether the order in which Functions were written can be seen.
    ordered: bool
    # Whether anything could be run at all.
    tools: bool
    # Whether it had tools, and every use of them is understood.
    complete: bool
    # What is not understood, in words; empty where all of it is.
    unknown: str
    # Files with a gradcheck that exist at the end, with their source.
    files: Mapping[str, Source]

    def stale(self, check: RecordedCheck, function: str) -> bool:
        """Whether ``function`` is not what it was when ``check`` ran."""
        known = check.states.get(function)
        return known is None or known != self.final.get(function)

    def current(self, check: RecordedCheck, by_design: bool) -> frozenset[str]:
        """Wanted Functions that are still what a check saw; by design, all or none."""
        there = self.wanted & check.states.keys()
        fresh = frozenset(f for f in there if not self.stale(check, f))
        return fresh if not by_design or fresh == there else frozenset()

    @cached_property
    def batched(self) -> bool | None:
        """Whether a Function was begun before all earlier ones were verified."""
        if not self.ordered:
            return None
        waiting: dict[str, int] = {}
        for event in self.events:
            if event.what is EventKind.WRITTEN:
                if waiting:
                    return True
                waiting[event.function] = event.step
            elif event.what is EventKind.VERIFIED:
                waiting.pop(event.function, None)
        return False


def gather(
    submission: Submission, scenario: Scenario, needed: Needed, own_tests: OwnTests | None
) -> TranscriptEvidence | None:
    """The evidence about the Functions that are needed; ``None`` without a transcript."""
    transcript = submission.transcript
    if transcript is None:
        return None
    played = replay(transcript)
    wanted = subjects(scenario, needed)
    steps, entries = transcript.steps, tuple(entry.name for entry in scenario.entry_points)
    checks: list[RecordedCheck] = []
    order: list[tuple[int, int, int, str, EventKind]] = [
        (n, 0, index, function, what)
        for n, index, function, what in _history(played.changes, wanted, entries)
    ]
    unseen = ""
    for run in _last_runs(played.runs):
        taken = list(ran(run, submission.code or ""))
        if not taken and run.started.mode == "script":
            unseen = f"what {run.started.paths[0]} holds"
        beside = [_here(one, submission, own_tests) for one in taken]
        skipped = sum(here.skipped for here in beside if here is not None)
        for one in taken:
            check = _check(one, submission, steps, scenario, needed, own_tests, skipped)
            if check is None:
                continue
            checks.append(check)
            # What fails on a copy says nothing of the answer.
            tried = not at_home([one.path or next(iter(run.started.paths), "")])
            if check.good or (check.passed is False and not tried):
                what = EventKind.VERIFIED if check.good else EventKind.FAILED
                about = wanted if "" in check.functions else check.functions & wanted
                order += [(run.changes, 1, run.step, f, what) for f in sorted(about)]
    unknown = list(played.unknown)
    if unknown and not unseen:
        unseen = f"what step {unknown[0] + 1} ({steps[unknown[0]].text.strip()[:40]}) did"
    ran_steps = {run.step for run in played.runs}
    hidden = [
        index
        for index, step in enumerate(steps)
        if step.kind is StepKind.RAN and index not in ran_steps and HIDES.search(step.text)
    ]
    if hidden and not unseen:
        unseen = f"what the command in step {hidden[0] + 1} ran"
    anything = any(s.kind is StepKind.RAN for s in steps)
    return TranscriptEvidence(
        checks=tuple(checks),
        events=tuple(
            dict.fromkeys(
                Event(function, what, index + 1, steps[index].line)
                for _, _, index, function, what in sorted(order, key=lambda item: item[:2])
            )
        ),
        final=function_states(submission.code or "", entries),
        wanted=wanted,
        ordered=len(wanted) > 1
        and wanted <= {f for _, _, _, f, what in order if what is EventKind.WRITTEN},
        tools=anything or bool(unknown),
        complete=anything and not unseen,
        unknown=unseen,
        files={
            path: analyse_once(bundle(played.files, content))
            for path, content in played.files.items()
            if "gradcheck" in content
        },
    )


def _last_runs(runs: Sequence[ScriptRun]) -> Sequence[ScriptRun]:
    """Those whose files are read: the last ones, as far as reading them stays quick."""
    seen, room = set[str](), _MAX_READ
    for count, run in enumerate(reversed(runs)):
        new = {*run.files.values(), run.started.code} - seen
        room -= sum(map(len, new))
        seen |= new
        if count and room < 0:
            return runs[len(runs) - count :]
    return runs


def _check(
    one: Ran,
    submission: Submission,
    steps: Sequence[Step],
    scenario: Scenario,
    needed: Needed,
    own_tests: OwnTests | None,
    skipped: int,
) -> RecordedCheck | None:
    """A file that a run took; ``None`` where it has to do with nothing that is to be verified."""
    step, wanted = steps[one.run.step], subjects(scenario, needed)
    entries = tuple(entry.name for entry in scenario.entry_points)
    source = analyse_once(one.code)
    states = dict(function_states(one.code, entries))
    states |= {
        function: state
        for path, content in one.run.files.items()
        if path not in one.run.unsure
        for function, state in function_states(bundle(one.run.files, content), entries).items()
        if function not in states
    }
    calls = []
    for call in source.gradchecks:
        if call.name != "gradcheck":
            continue
        functions = call.functions or _parametrized(source, call)
        about = all_of(needed)
        if functions is None and len(about) == 1 and about <= set(states):
            functions = about
        calls.append((functions or frozenset(), weakness(call, scenario, needed, functions)))
    here = _here(one, submission, own_tests)
    passed, why = end_of(one.run, step, here, skipped)
    if not calls and here is None and not wanted & set(states):
        return None
    return RecordedCheck(
        step=one.run.step,
        line=step.line,
        here=here,
        calls=tuple(calls),
        passed=passed,
        why=why,
        states=states if one.sure else {},
        calling=_calling(one) & wanted - all_of(needed),
    )


def _calling(one: Ran) -> frozenset[str]:
    """Names that a file of tests mentions; none where it is no file of tests."""
    tree = analyse_once(one.run.files.get(one.path, one.run.started.code)).tree
    asserts = any(isinstance(node, ast.Assert) for node in walk(tree))
    return mentioned(tree) if asserts or one.how != "script" else frozenset()


def _here(one: Ran, submission: Submission, own_tests: OwnTests | None) -> FileRun | None:
    """What the same file did when the harness ran it."""
    found = {run.path: run for run in own_tests.files} if own_tests else {}
    plainly = one.how == "script" and not one.run.started.arguments
    if plainly and one.code == submission.code:
        return found.get("")
    file = next((file for file in submission.tests if one.is_in(file)), None)
    return None if file is None else found.get(file.path)


def _parametrized(source: Source, call: GradcheckCall) -> frozenset[str] | None:
    """Functions that a decorator hands to the test around a call."""
    node = source.defs.get(call.inside or "")
    names = frozenset().union(*(mentioned(d) for d in node.decorator_list)) if node else frozenset()
    return source.reached_from(names) or call.functions


# --------------------------------------------------------------------------
# What became of the Functions


def _history(
    changes: Sequence[FileChange], wanted: frozenset[str], entries: tuple[str, ...]
) -> Iterator[tuple[int, int, str, EventKind]]:
    """When each wanted Function was written and changed: change, step, Function, what."""
    known: dict[str, int] = {}
    room = _MAX_READ
    at = {change.path for change in changes}
    home = set(at_home(list(at))) or at
    for number, change in enumerate(changes, start=1):
        if change.path not in home:
            continue
        room -= len(change.content)
        if room < 0 and number > 1:
            return
        states = function_states(change.content, entries)
        for function in (f for f in states if f in wanted):
            if function not in known:
                yield number, change.step, function, EventKind.WRITTEN
            elif known[function] != states[function]:
                yield number, change.step, function, EventKind.CHANGED
            known[function] = states[function]


# --------------------------------------------------------------------------
# The level that it earns


def judge_evidence(
    scenario: Scenario,
    told: TranscriptEvidence,
    own_tests: OwnTests | None,
    written: Sequence[WrittenCheck],
    needed: Needed,
) -> Verification:
    """The level that a transcript's runs earn; its reason is empty where it shows nothing."""
    wanted, by_design = told.wanted, scenario.gradcheck_fails_by_design
    current = {id(check): told.current(check, by_design) for check in told.checks}
    last = {
        f: check
        for check in told.checks
        if check.passed is not None
        for f in current[id(check)] & (wanted if "" in check.functions else check.functions)
    }
    failed = [f for f, check in last.items() if check.passed is False]
    if failed and not by_design:
        why = last[failed[0]].why
        reason = f"the last recorded run of the tests of {listed(failed)} fails"
        return Verification(
            Level.NONE, f"{reason}: {why}" if why else reason, VerificationWhy.FAILS_WHEN_RUN
        )
    fresh = [check for check in told.checks if check.passed and current[id(check)]]
    good = [(check, current[id(check)]) for check in fresh if check.here and check.here.passed]
    spoilings = _merged(good, scenario, wanted)
    found = None
    if good:
        every = OwnTests(
            True,
            None,
            tuple(
                call for check, _ in good for call in (check.here.gradchecks if check.here else ())
            ),
            own_tests.functions if own_tests else (),
            own_tests.used_by if own_tests else {},
            spoilings,
        )
        found = judge_run(scenario, every, written, needed)
    if found is not None and found.level.reaches(Level.SHIPPED):
        missing = wanted - {one.function for one in spoilings if one.noticed}
        about = "" if "" in {one.function for one in spoilings if one.noticed} else missing
        if found.level is Level.SHIPPED and about:
            more = _why_not(told, missing, current)
            shows = f"the transcript shows tests of {listed(wanted - missing)} passing"
            return Verification(Level.SHIPPED, f"{shows}, but {more.words}", more.why)
        return replace(found, reason=f"as run after the last edit, {found.reason}")
    if found is None and good:
        why_not = _why_not(told, wanted, current)
        found = Verification(Level.NONE, why_not.words, why_not.why)
    return _nothing_current(told, wanted, found, current)


def _merged(
    good: Sequence[tuple[RecordedCheck, frozenset[str]]],
    scenario: Scenario,
    wanted: frozenset[str],
) -> tuple[Spoiling, ...]:
    """What the files notice together, of the Functions that each saw as they are."""
    found: dict[tuple[str, Spoil, str | None], Spoiling] = {}
    # Results beside what is wanted have no state of their own that is looked at.
    entries = {entry.name for entry in scenario.entry_points} - wanted
    for check, fresh in good:
        assert check.here is not None
        mine: dict[tuple[str, Spoil, str | None], list[Spoiling]] = {}
        for one in check.here.spoilings:
            if one.function in fresh or one.function == "" or one.function in entries:
                mine.setdefault((one.function, one.kind, one.gradient), []).append(one)
        for key, tried in mine.items():
            # Where classes share a name, each of them must be noticed.
            noticed = all(one.noticed for one in tried)
            made = replace(tried[0], noticed=noticed, apart=all(one.apart for one in tried))
            before = found.get(key)
            if before is None or (made.noticed, made.apart) > (before.noticed, before.apart):
                found[key] = made
    return tuple(found.values())


def _nothing_current(
    told: TranscriptEvidence,
    wanted: frozenset[str],
    found: Verification | None,
    current: Mapping[int, frozenset[str]],
) -> Verification:
    """What to say where no run shows tests that check the code as it stands."""
    checks = told.checks
    if not checks:
        if told.unknown:
            words = f"it is not known whether a check was run: nobody can tell {told.unknown}"
            return Verification(Level.NONE, words, VerificationWhy.RESULT_UNKNOWN)
        if not told.complete:
            return Verification(Level.NONE, "")
        return Verification(Level.NONE, "no check is seen to run", VerificationWhy.NOT_SEEN)
    if found is not None:
        why_not = Weakness(found.why or VerificationWhy.NOTICES_NOTHING, found.reason)
    else:
        why_not = _why_not(told, wanted, current)
    could = [
        check
        for check in checks
        if check.passed is not False
        and (bool(check.noticed) if check.here and check.here.passed else _reads_sound(check))
    ]
    return Verification(Level.SHIPPED if could else Level.NONE, why_not.words, why_not.why)


def _reads_sound(check: RecordedCheck) -> bool:
    return any(functions and weak is None for functions, weak in check.calls)


def _why_not(
    told: TranscriptEvidence, wanted: frozenset[str], current: Mapping[int, frozenset[str]]
) -> Weakness:
    """Why the runs verify none of ``wanted`` as they stand."""
    checks = told.checks
    about = [c for c in checks if not c.functions or c.functions & (wanted | {""})]
    if not about:
        others = frozenset().union(*(c.functions for c in checks))
        beside = others - wanted - told.final.keys() or others
        if beside and not others & told.final.keys() - {f for f in others if f.startswith("_")}:
            on = " and ".join(f"`{name}`" for name in sorted(others))
            words = f"its tests ran on {on}, not on the exported op"
            return Weakness(VerificationWhy.OTHER_FUNCTION, words)
        words = f"no run of its tests covers {listed(wanted)}"
        return Weakness(VerificationWhy.NOT_COVERED, words)
    for check in reversed(about):
        fresh = current[id(check)] & wanted
        if check.good and not fresh:
            was = listed(f for f in wanted if told.stale(check, f)) or listed(wanted)
            words = f"{was} was edited after the last run of its tests that passed"
            return Weakness(VerificationWhy.STALE, words)
        if check.passed is None:
            words = f"its tests were to be run, but {check.why}"
            return Weakness(VerificationWhy.RESULT_UNKNOWN, words)
        if check.passed and check.weakness is not None:
            words = f"the gradcheck that was run {check.weakness.words}"
            return Weakness(check.weakness.why, words)
        if check.passed and check.here is None and check.calling and not fresh:
            words = (
                f"{listed(check.calling)} was edited after the last run of its tests that passed"
            )
            return Weakness(VerificationWhy.STALE, words)
        if check.passed and check.here is None:
            words = "its tests were run, and could not be run here to see what they notice"
            return Weakness(VerificationWhy.CANNOT_RUN, words)
        if check.passed and check.here is not None and not check.here.passed:
            stopped = first_line(check.here.error) or "an error"
            words = f"its tests were run, and stop here with an error: {stopped}"
            return Weakness(VerificationWhy.TESTS_STOP, words)
        if check.passed and not check.noticed:
            words = "the tests that were run notice nothing when what they test is spoiled"
            return Weakness(VerificationWhy.NOTICES_NOTHING, words)
    if any(check.passed is False for check in about):
        words = f"its tests failed and {listed(wanted)} was not checked again after the edit"
        return Weakness(VerificationWhy.STALE, words)
    words = f"no run of its tests covers {listed(wanted)}"
    return Weakness(VerificationWhy.NOT_COVERED, words)
