"""What a transcript shows about verification: which gradcheck ran on which state of the code.

Read from what was run and what came back; nothing is run here. A Function counts as checked
while everything that it is made of reads as it did when the check ran.

Long because a run's reach, its outcome and the state of the code only mean something together.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from harness.model import Event, Step, StepKind, Submission
from harness.source import Gradcheck, Source, analyse
from harness.source.names import Def, mentioned
from harness.transcripts import Change, PythonRun, Replay, Run, bundle, find, replay

# Characters of code in different states that are read for the changes, and for the runs.
_MAX_READ = 500_000
_FAILS = re.compile(r"\bFalse\s*$|\b[1-9]\d* (?:failed|errors?)\b|^FAILED\b|^E   |\bFAIL\b", re.M)
_RAISES = re.compile(r"Traceback \(most recent call last\)|^\w*(?:Error|Exception)\b|FAILED", re.M)
_PASSES = re.compile(r"\b(?:True|OK|[1-9]\d* passed|pass(?:ed|es)?|all good)\b|✓|✅", re.I)
_TESTED = re.compile(r"(?<!\w)[1-9]\d* passed\b|^OK\b", re.M)
# Of a longer output the beginning and the end are searched.
_MAX_OUTPUT = 200_000


@dataclass(frozen=True)
class Check:
    """One gradcheck that was run."""

    # Index of the step, and its line in the rendered text.
    step: int
    line: int
    call: Gradcheck
    # Functions it applied; ``None`` where that cannot be told.
    functions: frozenset[str] | None
    # Whether each of them was applied by itself, as in a loop.
    apart: bool
    # ``None`` where nobody can tell, for the reason in ``why``.
    passed: bool | None
    why: str
    # Why it proves nothing even if it passed; ``None`` where it does.
    fault: str | None
    # What each Function was made of at the time.
    states: Mapping[str, int]

    @property
    def good(self) -> bool:
        """Whether it passed and means something."""
        return self.passed is True and self.fault is None


@dataclass(frozen=True)
class Evidence:
    """Everything that a transcript shows about verification."""

    checks: tuple[Check, ...]
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

    def stale(self, check: Check, function: str) -> bool:
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
            if event.what == "written":
                if waiting:
                    return True
                waiting[event.function] = event.step
            elif event.what == "verified":
                waiting.pop(event.function, None)
        return False


Fault = Callable[[Gradcheck, frozenset[str] | None], str | None]


def gather(
    submission: Submission, wanted: frozenset[str], entry_points: Sequence[str], fault: Fault
) -> Evidence | None:
    """The evidence about the Functions in ``wanted``; ``None`` without a transcript.

    ``fault`` says why a gradcheck of some Functions would prove nothing.
    """
    transcript = submission.transcript
    if transcript is None:
        return None
    played = replay(transcript)
    steps, entries = transcript.steps, tuple(entry_points)
    checks: list[Check] = []
    order: list[tuple[int, int, int, str, str]] = [
        (n, 0, index, function, what)
        for n, index, function, what in _history(played.changes, wanted, entries)
    ]
    for run in _last_runs(played.runs):
        found = list(_checks(run, steps, entries, wanted, fault))
        checks += found
        order += [
            (run.changes, 1, run.step, function, "verified" if check.good else "failed")
            for check in found
            if check.good or check.passed is False
            for function in sorted((check.functions or frozenset()) & wanted)
        ]
    return Evidence(
        checks=tuple(checks),
        events=tuple(
            dict.fromkeys(
                Event(function, what, index + 1, steps[index].line)
                for _, _, index, function, what in sorted(order, key=lambda item: item[:2])
            )
        ),
        final=_states(submission.code or "", entries),
        touched=_touched(played, wanted),
        ordered=len(wanted) > 1
        and wanted <= {f for _, _, _, f, what in order if what == "written"},
        complete=any(s.kind is StepKind.RAN for s in steps)
        and not any(name.startswith("call of") for name in transcript.skipped),
        files={
            path: _analyse(bundle(played.files, content))
            for path, content in played.files.items()
            if "gradcheck" in content
        },
    )


def _last_runs(runs: Sequence[Run]) -> Sequence[Run]:
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
    run: Run,
    steps: Sequence[Step],
    entries: tuple[str, ...],
    wanted: frozenset[str],
    fault: Fault,
) -> Iterator[Check]:
    step = steps[run.step]
    for path, code in _scripts(run):
        if "gradcheck" not in "".join(run.files.values()) + code:
            continue
        source = _analyse(bundle(run.files, code))
        states: dict[str, int] = {}
        for content in (*run.files.values(), *([code] if not path else [])):
            if "Function" in content:
                states |= _states(bundle(run.files, content), entries)
        passed, why = _outcome(run, step)
        for call in _executed(source, run.started, path):
            words = set(re.findall(r"\w+", call.target))
            functions = call.functions or _parametrized(source, call)
            if functions is None and len(wanted) == 1 and wanted <= set(states):
                functions = wanted
            named = words & (source.linked | {f.name for f in source.functions})
            yield Check(
                step=run.step,
                line=step.line,
                call=call,
                functions=functions,
                # A loop variable stands for one Function after the other.
                apart=not named,
                passed=passed,
                why=why,
                fault=fault(call, functions),
                states=states,
            )


def _parametrized(source: Source, call: Gradcheck) -> frozenset[str] | None:
    """Functions that a decorator hands to the test around a call."""
    node = source.defs.get(call.inside or "")
    names = frozenset().union(*(mentioned(d) for d in node.decorator_list)) if node else frozenset()
    return source.reached_from(names) or call.functions


def _scripts(run: Run) -> Iterator[tuple[str, str]]:
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


def _executed(source: Source, started: PythonRun, path: str) -> Iterator[Gradcheck]:
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


def _outcome(run: Run, step: Step) -> tuple[bool | None, str]:
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
# What a Function is made of


@lru_cache(maxsize=256)
def _analyse(code: str) -> Source:
    return analyse(code)


@lru_cache(maxsize=4096)
def _states(code: str, entries: tuple[str, ...]) -> Mapping[str, int]:
    """Per Function a hash over everything it is made of and the entry points that apply it."""
    source = _analyse(code)
    bound: dict[str, list[ast.stmt]] = {}
    for statement in source.tree.body:
        for name in _binds(statement):
            bound.setdefault(name, []).append(statement)
    found = {}
    for function in source.functions:
        users = {name for name in entries if function.name in source.reached(name)}
        parts, todo = set[str](), [function.name, *users]
        while todo:
            name = todo.pop()
            if name in bound and name not in parts:
                parts.add(name)
                todo += sorted(set[str]().union(*map(_globals, bound[name])))
        found[function.name] = hash(
            tuple(_bare(statement) for name in sorted(parts) for statement in bound[name])
        )
    return found


def _binds(statement: ast.stmt) -> Iterable[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            return {
                n.id
                for n in ast.walk(statement)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
    return []


def _bare(statement: ast.stmt) -> str:
    """A statement without comments, docstrings and places."""
    text = ast.dump(statement)
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                text = text.replace(ast.dump(first), "", 1)
    return text


def _globals(statement: ast.stmt) -> set[str]:
    """Names that a statement uses and does not bind itself."""
    names = [n for n in ast.walk(statement) if isinstance(n, ast.Name)]
    own = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    own |= {n.arg for n in ast.walk(statement) if isinstance(n, ast.arg)}
    return {n.id for n in names} - own


def _history(
    changes: Sequence[Change], wanted: frozenset[str], entries: tuple[str, ...]
) -> Iterator[tuple[int, int, str, str]]:
    """When each wanted Function was written and changed: change, step, Function, what."""
    known: dict[str, int] = {}
    room = _MAX_READ
    for number, change in enumerate(changes, start=1):
        content = change.files[change.path]
        room -= len(content)
        if room < 0 and number > 1:
            return
        states = _states(content, entries)
        for function in (f for f in states if f in wanted):
            if function not in known:
                yield number, change.step, function, "written"
            elif known[function] != states[function]:
                yield number, change.step, function, "changed"
            known[function] = states[function]
