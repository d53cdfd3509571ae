"""In which order a transcript shows that the answer and its tests were written and run.

A doubtful deed counts for the agent: whatever looks like a run of tests is one, and an answer that
only holds a place, such as a body of ``pass``, is not written yet. Where a step before the deed is
not understood, nothing is said.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from harness.code.nodes import walk
from harness.code.parsing import Unreadable, parse
from harness.code.states import function_states
from harness.flags.seen import FlagEvidence, Seen, Unlooked
from harness.model import Deed, DeedOrder, Step, StepKind, Transcript
from harness.read.transcripts import Replay, ScriptRun, find, replay, runner
from harness.read.transcripts.replaying import MAX_CHANGES, MAX_RUNS
from harness.verification.ending import end_of
from harness.verification.recorded import HIDES

_TEST_FILE = re.compile(r"(?:.*/)?(?:tests?|test_[^/]*|[^/]*_tests?|conftest)\.py$|.*\btests?/")
_TESTS = re.compile(
    r"^\s*(?:async )?def test|^\s*class \w*Test|^\s*assert\b|\bassert\w*\(|\bgradcheck\(|"
    r"\bdoctest\b|^\s*>>> ",
    re.M,
)


class _Done(NamedTuple):
    """When a deed was done for the first time."""

    # Index of the step.
    step: int
    # Whether it is only possible that it was done there.
    perhaps: bool


def order_of(order: DeedOrder, evidence: FlagEvidence) -> Sequence[Seen] | Unlooked:
    """The step of the first deed, where the other had not been done by then."""
    transcript = evidence.submission.transcript
    if transcript is None or not any(step.kind is StepKind.RAN for step in transcript.steps):
        if transcript is None and evidence.submission.kind == "transcript":
            return Unlooked("the steps of its transcript are not stored")
        why = "no transcript" if transcript is None else "no transcript in which anything was run"
        return Unlooked(f"there is {why}, and so no order")
    played = replay(transcript)
    if len(played.runs) >= MAX_RUNS or len(played.changes) >= MAX_CHANGES:
        return Unlooked("the transcript has more steps than are followed")
    names = tuple(entry.name for entry in evidence.scenario.entry_points)
    deeds = _Deeds(transcript, played, names)
    first = next(deeds.of(order.first), None)
    unclear = deeds.unclear()
    if first is None or first.perhaps:
        if first is not None or unclear is not None:
            doubtful = first.step if first is not None else unclear
            return Unlooked(f"what step {(doubtful or 0) + 1} did is not known")
        if order.first == Deed("wrote", "answer"):
            return Unlooked("no step writes the answer into a file")
        return []
    other = next(deeds.of(order.before), None)
    if other is not None and other.step <= first.step:
        return Unlooked(f"what step {other.step + 1} did is not known") if other.perhaps else []
    if unclear is not None and unclear <= first.step:
        return Unlooked(f"what step {unclear + 1} did is not known")
    then = f"step {other.step + 1}" if other is not None else "none"
    words = f"{order.first.words} in step {first.step + 1} before {order.before.words} ({then})"
    return [Seen(words, transcript.steps[first.step].line)]


class _Deeds:
    """What the steps of one transcript show."""

    def __init__(self, transcript: Transcript, played: Replay, names: tuple[str, ...]) -> None:
        self.steps: Sequence[Step] = transcript.steps
        self.played = played
        self.names = names
        self.called = re.compile(rf"\b(?:{'|'.join(map(re.escape, names)) or '(?!)'})\b")

    def of(self, deed: Deed) -> Iterator[_Done]:
        """When it was done, in order."""
        if deed.of == "answer":
            yield from self._of_answer(deed.did == "changed")
        elif deed.did == "wrote":
            yield from self._tests_written()
        else:
            yield from self._tests_run(deed.did)

    def unclear(self) -> int | None:
        """The first step that may have done anything."""
        ran = {run.step for run in self.played.runs}
        steps = [
            *self.played.unknown,
            *(lost.step for lost in self.played.lost if not lost.path),
            *(
                index
                for index, step in enumerate(self.steps)
                if step.kind is StepKind.RAN and index not in ran and HIDES.search(step.text)
            ),
        ]
        return min(steps, default=None)

    def _of_answer(self, changed: bool) -> Iterator[_Done]:
        known: dict[str, int] = {}
        for change in self.played.changes:
            states = function_states(change.content, self.names)
            for name, state in states.items():
                if name not in self.names:
                    continue
                if (name in known and known[name] != state) if changed else name not in known:
                    yield _Done(change.step, False)
                known[name] = state

    def _tests_written(self) -> Iterator[_Done]:
        steps = [
            change.step for change in self.played.changes if _is_test(change.path, change.content)
        ]
        steps += [run.step for run in self.played.runs if self._tests(run)]
        yield from (_Done(step, False) for step in sorted(steps))

    def _tests_run(self, did: str) -> Iterator[_Done]:
        for run in self.played.runs:
            if not self._tests(run) or run.marks == {"not"}:
                continue
            if did == "ran":
                yield _Done(run.step, False)
                continue
            passed = end_of(run, self.steps[run.step], None).passed
            if passed is None or passed is (did == "passed"):
                yield _Done(run.step, passed is None)

    def _tests(self, run: ScriptRun) -> bool:
        """Whether a run may be one of tests: a runner, or anything that calls the answer."""
        if runner(run) != "script":
            return True
        code = run.started.code
        if run.started.mode == "script":
            path = find(run.files, run.started.paths[0])
            code = run.files[path] if path is not None else ""
            if path is None or _is_test(path, code):
                return True
        return self.called.search(code) is not None and _uses(code, self.names)


def _is_test(path: str, content: str) -> bool:
    return bool(_TEST_FILE.match(path) or _TESTS.search(content))


def _uses(code: str, names: tuple[str, ...]) -> bool:
    """Whether code calls one of ``names``."""
    try:
        tree = parse(code)
    except Unreadable:
        return True
    return any(
        isinstance(node, ast.Call)
        and (getattr(node.func, "id", "") in names or getattr(node.func, "attr", "") in names)
        for node in walk(tree)
    )
