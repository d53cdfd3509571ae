"""A grader process or the zygote may be killed at any moment; the run goes on."""

from __future__ import annotations

import hashlib
import os
import signal
import weakref
from collections import UserList
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import sandbox
from harness.model import Grade, Outcome, Scenario, Submission
from harness.read import submissions
from harness.read.scenarios import Library
from harness.run import pool, worker
from harness.run.pool import Backlog, grade_all
from harness.run.task import Task

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def pairs(library: Library) -> list[tuple[Submission, Scenario]]:
    """Twelve right and twelve wrong answers."""
    scenario = library.scenario("clipped-gradient")
    file = ROOT / "solutions/reference/harness/clipped-gradient.py"
    right = submissions.read_one(file, scenario.id, ("clipped_double",))
    made = []
    for n in range(24):
        assert right.code is not None
        code = right.code if n % 2 else right.code.replace("2 * x", "3 * x")
        code += f"\n# copy {n}\n"
        digest = hashlib.sha256(code.encode()).hexdigest()
        made.append(
            (replace(right, id=f"a/b/c/{n}", code=code, text=code, sha256=digest), scenario)
        )
    return made


def children_named(*wanted: str) -> list[int]:
    """Processes below this one that the kernel shows by one of the names."""
    parents, names = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # Hostile code of another test may have any bytes for its name.
                status = (entry / "status").read_text(errors="replace")
                names[int(entry.name)] = (entry / "comm").read_text(errors="replace").strip()
            except OSError:
                continue
            parents[int(entry.name)] = int(status.split("PPid:")[1].split()[0])
    below = [os.getpid()]
    for parent in below:
        below += [pid for pid, above in parents.items() if above == parent]
    return [pid for pid in below[1:] if names.get(pid) in wanted]


OURS = ("ancestor", "zygote", "fork_graders", "grade_tasks")


@pytest.mark.parametrize(
    "victim",
    [
        pytest.param("ancestor", marks=pytest.mark.slow),
        "zygote",
        pytest.param("fork_graders", marks=pytest.mark.slow),
        pytest.param("grade_tasks", marks=pytest.mark.slow),
    ],
)
def test_a_killed_process_is_replaced_and_no_grade_changes(
    pairs: list[tuple[Submission, Scenario]], victim: str
) -> None:
    answers = grade_all(pairs, seed=5, tier=sandbox.choose(), jobs=2)
    outcomes: dict[str, Outcome] = {}
    for count, (submission, answer) in enumerate(answers):
        assert isinstance(answer, Grade), answer
        assert submission.id not in outcomes
        outcomes[submission.id] = answer.outcome
        if count in (3, 9):
            found = children_named(victim)
            os.kill(found[-1], signal.SIGKILL)
    assert len(outcomes) == len(pairs)
    for submission, _ in pairs:
        right = int(submission.id.rsplit("/", 1)[1]) % 2
        assert outcomes[submission.id] is (Outcome.PASSED if right else Outcome.FAILED)


def test_a_zygote_that_has_grown_is_replaced_between_grades(
    pairs: list[tuple[Submission, Scenario]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "LOOK_EVERY", 10)
    monkeypatch.setattr(pool, "MOST_GROWN_BYTES", -(1 << 40))
    zygotes: list[int] = []
    start = sandbox.Zygote.start

    def noted(zygote: sandbox.Zygote) -> None:
        start(zygote)
        zygotes.append(zygote.memory_bytes())

    monkeypatch.setattr(sandbox.Zygote, "start", noted)
    answers = list(grade_all(pairs, seed=5, tier=sandbox.choose(), jobs=2))
    assert len(zygotes) == 3  # at the start, after 10 and after 20
    assert all(size > 50 << 20 for size in zygotes)
    assert sorted(submission.id for submission, _ in answers) == sorted(s.id for s, _ in pairs)
    assert all(isinstance(answer, Grade) for _, answer in answers)


def test_closing_the_iterator_ends_every_process(
    pairs: list[tuple[Submission, Scenario]],
) -> None:
    before = set(children_named(*OURS))
    answers = grade_all(pairs, seed=5, tier=sandbox.choose(), jobs=1)
    next(answers)
    answers.close()
    assert set(children_named(*OURS)) <= before


def test_few_of_the_answers_that_wait_are_in_memory(
    pairs: list[tuple[Submission, Scenario]],
) -> None:
    looked_at: weakref.WeakSet[Submission] = weakref.WeakSet()

    class Anew(UserList[tuple[Submission, Scenario]]):
        """Pairs that are made when they are looked at, as if they were on disk."""

        def __getitem__(self, place: Any) -> Any:
            submission, scenario = self.data[place]
            copy = replace(submission)
            looked_at.add(copy)
            return copy, scenario

    answers = grade_all(Anew(pairs), seed=5, tier=sandbox.choose(), jobs=2)
    for submission, _ in answers:
        assert submission in looked_at
        assert len(looked_at) <= 4
        looked_at.clear()


def test_a_worker_stays_with_its_scenario_while_there_is_work() -> None:
    backlog = Backlog()
    for index, name in enumerate(["a", "b", "b", "a", "b"]):
        backlog.add(name, index)
    assert backlog.take(None) == 1
    assert backlog.take("a") == 0
    assert backlog.take("a") == 3
    assert backlog.take("a") == 2
    assert backlog.take("b") == 4
    assert backlog.take("b") is None


def test_a_grader_remembers_the_scenarios_that_it_asked_last(
    pairs: list[tuple[Submission, Scenario]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    class Noted:
        def __init__(self, scenario: Scenario, seed: int) -> None:
            made.append(f"{scenario.id} {seed}")

    monkeypatch.setattr(worker, "Plan", Noted)
    monkeypatch.setattr(worker, "grade", lambda *_: None)
    submission, scenario = pairs[0]
    grader = worker.PlanCache("", most=2)
    for name in "abacab":
        named = replace(scenario, id=name, fingerprint=name)
        grader.answer(Task(submission, named, seed=1))
    assert made == ["a 1", "b 1", "c 1", "b 1"]
