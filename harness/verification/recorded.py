"""What a transcript shows about verification: which gradcheck ran on which state of the code.

Read from what was run and what came back; nothing is run here. A Function counts as checked
while everything that it is made of reads as it did when the check ran.

Long because a run's reach, its outcome and the state of the code only mean something together.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.code import GradcheckCall, Source
from harness.code.names import Def, mentioned
from harness.code.states import analyse_once, function_states
from harness.model import (
    Event,
    EventKind,
    Level,
    Scenario,
    Step,
    StepKind,
    Submission,
    Verification,
    VerificationWhy,
)
from harness.read.transcripts import FileChange, PythonRun, Replay, ScriptRun, bundle, find, replay
from harness.verification.written import Needed, Weakness, all_of, listed, weakness

# Characters of code in different states that are read for the changes, and for the runs.
_MAX_READ = 500_000
_FAILS = re.compile(r"\bFalse\s*$|\b[1-9]\d* (?:failed|errors?)\b|^FAILED\b|^E   |\bFAIL\b", re.M)
_RAISES = re.compile(r"Traceback \(most recent call last\)|^\w*(?:Error|Exception)\b|FAILED", re.M)
_PASSES = re.compile(r"\b(?:True|OK|[1-9]\d* passed|pass(?:ed|es)?|all good)\b|✓|✅", re.I)
_TESTED = re.compile(r"(?<!\w)[1-9]\d* passed\b|^OK\b", re.M)
# Of a longer output the beginning and the end are searched.
_MAX_OUTPUT = 200_000


@dataclass(frozen=True)
class RecordedCheck:
    """One gradcheck that was run."""

    # Index of the step, and its line in the rendered text.
    step: int
    line: int
    call: GradcheckCall
    # Functions it applied; ``None`` where that cannot be told.
    functions: frozenset[str] | None
    # Whether each of them was applied by itself, as in a loop.
    apart: bool
    # ``None`` where nobody can tell, for the reason in ``why``.
    passed: bool | None
    why: str
    # Why it proves nothing even if it passed; ``None`` where it does.
    weakness: Weakness | None
    # What each Function was made of at the time.
    states: Mapping[str, int]

    @property
    def good(self) -> bool:
        """Whether it passed and means something."""
        return self.passed is True and self.weakness is None


@dataclass(frozen=True)
class TranscriptEvidence:
    """Everything that a transcript shows about verification."""

    checks: tuple[RecordedCheck, ...]
    events: tuple[Event, ...]
    # What each Function is made of at the end.
    final: Mapping[str, int]
    # Functions whose file was changed in a way that could not be followed: index of the step.
    touched: Mapping[str, int]
    # Whether the order in which Functions were written can be seen.
    ordered: bool
    # Whether it had tools, and every use of them is understood.
    complete: bool
    # Files with a gradcheck that exist at the end, with their source.
    files: Mapping[str, Source]

    def stale(self, check: RecordedCheck, function: str) -> bool:
        """Whether ``function`` was changed after ``check`` ran."""
        known = check.states.get(function)
        changed = known is not None and known != self.final.get(function)
        return changed or self.touched.get(function, -1) > check.step

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


def gather(submission: Submission, scenario: Scenario, needed: Needed) -> TranscriptEvidence | None:
    """The evidence about the Functions that are needed; ``None`` without a transcript."""
    transcript = submission.transcript
    if transcript is None:
        return None
    played = replay(transcript)
    wanted = all_of(needed)
    steps, entries = transcript.steps, tuple(entry.name for entry in scenario.entry_points)
    checks: list[RecordedCheck] = []
    order: list[tuple[int, int, int, str, EventKind]] = [
        (n, 0, index, function, what)
        for n, index, function, what in _history(played.changes, wanted, entries)
    ]
    for run in _last_runs(played.runs):
        found = list(_checks(run, steps, entries, scenario, needed))
        checks += found
        order += [
            (
                run.changes,
                1,
                run.step,
                function,
                EventKind.VERIFIED if check.good else EventKind.FAILED,
            )
            for check in found
            if check.good or check.passed is False
            for function in sorted((check.functions or frozenset()) & wanted)
        ]
    return TranscriptEvidence(
        checks=tuple(checks),
        events=tuple(
            dict.fromkeys(
                Event(function, what, index + 1, steps[index].line)
                for _, _, index, function, what in sorted(order, key=lambda item: item[:2])
            )
        ),
        final=function_states(submission.code or "", entries),
        touched=_touched(played, wanted),
        ordered=len(wanted) > 1
        and wanted <= {f for _, _, _, f, what in order if what is EventKind.WRITTEN},
        complete=any(s.kind is StepKind.RAN for s in steps)
        and not any(s.kind is StepKind.UNKNOWN for s in steps),
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


def _touched(played: Replay, wanted: frozenset[str]) -> Mapping[str, int]:
    """Functions in files that were changed in a way that could not be followed, and when."""
    return {
        function: index
        for index, _, path in played.lost
        for function in wanted
        if not path or function in played.files.get(path, "")
    }


# --------------------------------------------------------------------------
# What a run checked


def _checks(
    run: ScriptRun,
    steps: Sequence[Step],
    entries: tuple[str, ...],
    scenario: Scenario,
    needed: Needed,
) -> Iterator[RecordedCheck]:
    wanted = all_of(needed)
    step = steps[run.step]
    for path, code in _scripts(run):
        if "gradcheck" not in "".join(run.files.values()) + code:
            continue
        source = analyse_once(bundle(run.files, code))
        states: dict[str, int] = {}
        for content in (*run.files.values(), *([code] if not path else [])):
            if "Function" in content:
                states |= function_states(bundle(run.files, content), entries)
        passed, why = _outcome(run, step)
        for call in _executed(source, run.started, path):
            words = set(re.findall(r"\w+", call.target))
            functions = call.functions or _parametrized(source, call)
            if functions is None and len(wanted) == 1 and wanted <= set(states):
                functions = wanted
            named = words & (source.linked | {f.name for f in source.functions})
            yield RecordedCheck(
                step=run.step,
                line=step.line,
                call=call,
                functions=functions,
                # A loop variable stands for one Function after the other.
                apart=not named,
                passed=passed,
                why=why,
                weakness=weakness(call, scenario, needed, functions),
                states=states,
            )


def _parametrized(source: Source, call: GradcheckCall) -> frozenset[str] | None:
    """Functions that a decorator hands to the test around a call."""
    node = source.defs.get(call.inside or "")
    names = frozenset().union(*(mentioned(d) for d in node.decorator_list)) if node else frozenset()
    return source.reached_from(names) or call.functions


def _scripts(run: ScriptRun) -> Iterator[tuple[str, str]]:
    """Path (empty for inline code) and code of what was started."""
    started = run.started
    if started.mode == "inline":
        yield "", started.code
    elif started.mode == "script":
        path = find(run.files, started.paths[0])
        if path is not None:
            yield path, run.files[path]
    else:
        asked = [path.split("::")[0] for path in started.paths]
        exact = {find(run.files, path) for path in asked}
        folders = [path.strip("./") for path in asked if not path.endswith(".py")]
        for path, content in run.files.items():
            name = path.rsplit("/", 1)[-1]
            collected = name.startswith("test_") or name.endswith("_test.py")
            inside = not asked or any(folder in path for folder in folders)
            if path in exact or (collected and inside):
                yield path, content


def _executed(source: Source, started: PythonRun, path: str) -> Iterator[GradcheckCall]:
    """The gradchecks that a run reaches: from the top level, the main guard or a test."""
    testing = started.mode == "pytest"
    guards = [
        n for n in source.tree.body if isinstance(n, ast.If) and "__name__" in mentioned(n.test)
    ]
    begun = set[str]()
    for statement in source.tree.body:
        skipped = testing and statement in guards
        if not skipped and not isinstance(statement, Def | ast.ClassDef):
            begun |= mentioned(statement)
    if testing:
        nodes = {p.split("::")[-1].split("[")[0] for p in started.paths if "::" in p}
        nodes &= set(source.defs)
        begun |= {
            name
            for name in source.defs
            if name.startswith("test")
            and (not nodes or name in nodes)
            and _chosen(f"{path}::{name}", started.only)
        }
    reached, todo = set[str](), list(begun)
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += source.mentions.get(name, frozenset()) & set(source.defs)
    for call in source.gradchecks:
        guarded = any(n.lineno <= call.line <= (n.end_lineno or 0) for n in guards)
        if call.inside in reached or (call.inside is None and not (testing and guarded)):
            yield call


def _chosen(name: str, only: str) -> bool:
    """Whether ``-k`` selects a test, for words joined by ``or``, ``and`` and ``not``."""
    if not only:
        return True
    for option in re.split(r"\bor\b", only):
        terms = re.findall(r"(not\s+)?([^\s()]+)", re.sub(r"\band\b", " ", option))
        if terms and all((word.lower() in name.lower()) != bool(no) for no, word in terms):
            return True
    return False


def _outcome(run: ScriptRun, step: Step) -> tuple[bool | None, str]:
    """Whether a run passed; where nobody can tell, why."""
    started = run.started
    if started.void:
        return None, started.void
    if step.output is None:
        return None, "no result of the run is recorded"
    output = step.output
    if len(output) > _MAX_OUTPUT:
        output = output[: _MAX_OUTPUT // 2] + "\n" + output[-_MAX_OUTPUT // 2 :]
    surely = started.shows == "status" and step.failed is False
    failing = _FAILS.search(output) or (None if surely else _RAISES.search(output))
    if step.failed and not (started.last and started.shows == "status"):
        return None, "the command that ran it failed"
    if failing or step.failed:
        return False, _line_around(output, failing.start() if failing else 0)
    if started.mode == "pytest" and not _TESTED.search(output):
        return None, "no test was run"
    if started.shows == "part" and not _PASSES.search(output):
        return None, "its result was lost in a pipe"
    return True, ""


def _line_around(text: str, place: int) -> str:
    for pattern in (r"^.*(?:GradcheckError|Jacobian mismatch).*$", r"^\w*Error.*$"):
        found = re.search(pattern, text, re.M)
        if found:
            return found[0].strip()[:160]
    end = text.find("\n", place)
    start = text.rfind("\n", 0, place) + 1
    return text[start : end if end >= 0 else len(text)].strip()[:160]


# --------------------------------------------------------------------------
# What became of the Functions


def _history(
    changes: Sequence[FileChange], wanted: frozenset[str], entries: tuple[str, ...]
) -> Iterator[tuple[int, int, str, EventKind]]:
    """When each wanted Function was written and changed: change, step, Function, what."""
    known: dict[str, int] = {}
    room = _MAX_READ
    for number, change in enumerate(changes, start=1):
        content = change.files[change.path]
        room -= len(content)
        if room < 0 and number > 1:
            return
        states = function_states(content, entries)
        for function in (f for f in states if f in wanted):
            if function not in known:
                yield number, change.step, function, EventKind.WRITTEN
            elif known[function] != states[function]:
                yield number, change.step, function, EventKind.CHANGED
            known[function] = states[function]


# --------------------------------------------------------------------------
# The level that it earns


def judge_evidence(scenario: Scenario, told: TranscriptEvidence, needed: Needed) -> Verification:
    """The level that a transcript's runs earn; its reason is empty where it shows nothing."""
    wanted, by_design = all_of(needed), scenario.gradcheck_fails_by_design
    checks = [check for check in told.checks if check.call.name == "gradcheck"]

    def current(check: RecordedCheck) -> frozenset[str]:
        """Functions that are still what the check saw."""
        if by_design:
            fresh = not any(told.stale(check, f) for f in wanted & set(check.states))
            return (check.functions or frozenset()) | wanted if fresh else frozenset()
        about = (check.functions or frozenset()) & wanted
        return frozenset(f for f in about if not told.stale(check, f))

    last = {f: c for c in checks if c.passed is not None for f in current(c)}
    failed = [f for f, c in last.items() if c.passed is False]
    if failed and not by_design:
        why = last[failed[0]].why
        reason = f"the last recorded gradcheck of {listed(failed)} fails when it is run"
        return Verification(
            Level.NONE, f"{reason}: {why}" if why else reason, VerificationWhy.FAILS_WHEN_RUN
        )
    good = [check for check in checks if check.good and current(check)]
    covered = frozenset().union(*map(current, good)) & (
        wanted or frozenset().union(*map(current, good))
    )
    missing = wanted - covered
    if not good or not wanted:
        return _nothing_current(checks, wanted, told)
    if missing:
        why_not = _why_not(checks, missing, told)
        return Verification(
            Level.SHIPPED,
            f"the transcript shows gradcheck passing for {listed(covered)}, but {why_not.words}",
            why_not.why,
        )
    shows = "the transcript shows gradcheck passing after the last edit"
    company = {f: frozenset().union({f}, *(n for n in needed.values() if f in n)) for f in wanted}
    together = [
        f
        for f in sorted(wanted)
        if not any(
            f in current(c) and (c.apart or (c.functions or frozenset()) <= company[f])
            for c in good
        )
    ]
    if together and not (by_design and len(wanted) <= 1):
        are = "is" if len(together) == 1 else "are"
        return Verification(
            Level.RAN,
            f"{shows}, but {listed(together)} {are} never checked apart",
            VerificationWhy.CHECKED_TOGETHER,
        )
    by_itself = ", for every Function by itself" if len(wanted) > 1 else ""
    return Verification(Level.RAN_EACH, shows + by_itself, VerificationWhy.PASSES)


def _nothing_current(
    checks: Sequence[RecordedCheck], wanted: frozenset[str], told: TranscriptEvidence
) -> Verification:
    """What to say where no run shows a passing gradcheck of the code as it stands."""
    if not checks:
        if not told.complete:
            return Verification(Level.NONE, "")
        return Verification(Level.NONE, "no gradcheck is seen to run", VerificationWhy.NOT_SEEN)
    sound = [c for c in checks if c.weakness is None and c.passed is not False]
    level = Level.SHIPPED if sound else Level.NONE
    why_not = _why_not(checks, wanted, told)
    return Verification(level, why_not.words, why_not.why)


def _why_not(
    checks: Sequence[RecordedCheck], wanted: frozenset[str], told: TranscriptEvidence
) -> Weakness:
    """Why ``checks`` verify none of ``wanted`` as they stand."""
    about = [c for c in checks if c.functions is None or c.functions & wanted]
    if not about:
        others = frozenset().union(*(c.functions or frozenset() for c in checks))
        beside = others - wanted - told.final.keys() or others
        if beside and not others & told.final.keys() - {f for f in others if f.startswith("_")}:
            on = " and ".join(f"`{name}`" for name in sorted(others))
            words = f"gradcheck ran on {on}, not on the exported op"
            return Weakness(VerificationWhy.OTHER_FUNCTION, words)
        words = f"no run of gradcheck covers {listed(wanted)}"
        return Weakness(VerificationWhy.NOT_COVERED, words)
    for check in reversed(about):
        if check.good:
            was = listed(f for f in wanted if told.stale(check, f)) or listed(wanted)
            words = f"{was} was edited after the last run of gradcheck that passed"
            return Weakness(VerificationWhy.STALE, words)
        if check.passed is None:
            words = f"gradcheck was started, but {check.why}"
            return Weakness(VerificationWhy.RESULT_UNKNOWN, words)
        if check.weakness is not None:
            words = f"the gradcheck that was run {check.weakness.words}"
            return Weakness(check.weakness.why, words)
    words = f"gradcheck failed and {listed(wanted)} was not checked again after the edit"
    return Weakness(VerificationWhy.STALE, words)
