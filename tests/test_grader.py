"""The grading as a library: the verdicts of a run, from any thread, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from test_pool import OURS, children_named

import harness
from harness import sandbox
from harness.errors import SandboxError, ScenarioError, UsageError
from harness.model import Grade, Outcome, Record
from harness.read import submissions
from harness.read.scenarios import Library
from harness.run.pool import grade_all
from harness.run.service import Service

ROOT = Path(__file__).parent.parent
SCENARIOS = ROOT / "scenarios"
RIGHT = (ROOT / "solutions/reference/harness/clipped-gradient.py").read_text()
NAIVE = next((ROOT / "solutions/naive").glob("*/clipped-gradient.*"))
WRONG = RIGHT.replace("2 * x", "3 * x")
ONE = "clipped-gradient"
LATER_S = 60.0


def reply(code: str, number: int = 0) -> str:
    return f"Here it is.\n\n```python\n{code}\n# copy {number}\n```\n"


@pytest.fixture(scope="module")
def grader() -> Iterator[harness.Grader]:
    with harness.Grader(SCENARIOS, jobs=2, seed=5) as opened:
        yield opened


def test_a_grade_is_the_one_that_a_run_gives(grader: harness.Grader, library: Library) -> None:
    scenario = library.scenario(ONE)
    submission = submissions.read_one(NAIVE, ONE, submissions.Asked.of(scenario))
    [(_, run)] = grade_all([(submission, scenario)], seed=5, tier=sandbox.choose(), jobs=1)
    assert isinstance(run, Grade)
    assert run.outcome is Outcome.FAILED
    mine = grader.grade(NAIVE.read_bytes(), scenario=ONE, kind="python")
    assert mine.sha256 == submission.sha256
    for name in ("outcome", "reason", "verification", "held", "traps", "red_flags"):
        assert getattr(mine, name) == getattr(run, name)
    assert [(f.check, f.outcome, f.message) for f in mine.findings] == [
        (f.check, f.outcome, f.message) for f in run.findings
    ]


def test_many_threads_each_get_the_verdict_of_their_own_answer(grader: harness.Grader) -> None:
    def ask(number: int) -> tuple[int, Record]:
        text = reply(RIGHT if number % 2 else WRONG, number)
        return number, grader.grade(text, scenario=ONE)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ask, range(16)))
    for number, record in found:
        assert record.outcome is (Outcome.PASSED if number % 2 else Outcome.FAILED)
    assert len({record.id for _, record in found}) == 16


def test_records_come_in_the_order_of_answers_that_may_be_without_end(
    grader: harness.Grader,
) -> None:
    looked_at = 0

    def endless() -> Iterator[tuple[str, str]]:
        nonlocal looked_at
        for number in itertools.count():
            looked_at = number
            yield reply(RIGHT if number % 3 else WRONG, number), ONE

    with_end = itertools.islice(grader.map(endless()), 6)
    assert [record.outcome is Outcome.PASSED for record in with_end] == 2 * [False, True, True]
    assert looked_at < 40


def test_answers_to_several_scenarios_may_be_mixed_and_of_any_kind(grader: harness.Grader) -> None:
    found = grader.map(
        [
            harness.Response(RIGHT, kind="python", arm="skill", submitter="m"),
            ("I will not, until somebody has run gradcheck.", "layer-norm"),
            reply(WRONG),
            harness.Response(reply(RIGHT).encode()),
        ],
        scenario=ONE,
    )
    records = list(found)
    assert [record.outcome for record in records[::2]] == [Outcome.PASSED, Outcome.FAILED]
    assert records[0].id.startswith("skill/m/clipped-gradient/")
    assert records[0].path == f"{records[0].id}.py"
    assert records[1].scenario == "layer-norm"
    assert records[1].outcome is not Outcome.PASSED
    assert records[3].outcome is Outcome.PASSED


def test_awaiting_a_grade_lets_others_run(grader: harness.Grader) -> None:
    async def several() -> list[Record]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.001)

        ticking = asyncio.create_task(tick())
        asked = [grader.agrade(reply(RIGHT, number), scenario=ONE) for number in range(3)]
        found = await asyncio.gather(*asked)
        ticking.cancel()
        assert ticks > 3
        return found

    assert all(record.outcome is Outcome.PASSED for record in asyncio.run(several()))


@pytest.mark.parametrize("victim", ["zygote", "grade_tasks"])
def test_a_killed_process_costs_no_grade(grader: harness.Grader, victim: str) -> None:
    records = grader.map((reply(RIGHT, number), ONE) for number in range(12))
    next(records)
    os.kill(children_named(victim)[-1], signal.SIGKILL)
    assert all(record.outcome is Outcome.PASSED for record in records)


def test_closing_ends_every_process_and_cancels_what_waits() -> None:
    before = set(children_named(*OURS))
    grader = harness.Grader(SCENARIOS, jobs=1)
    waiting = [grader.submit(harness.Response(reply(RIGHT, n), ONE)) for n in range(20)]
    waiting[0].result()
    grader.close()
    grader.close()
    assert set(children_named(*OURS)) <= before
    with pytest.raises(CancelledError):
        waiting[-1].result(timeout=LATER_S)
    with pytest.raises(UsageError, match="is closed; open another"):
        grader.grade("", scenario=ONE)


def test_one_that_is_forgotten_ends_its_processes() -> None:
    before = set(children_named(*OURS))
    grader = harness.Grader(SCENARIOS, jobs=1)
    assert set(children_named(*OURS)) - before
    del grader
    gc.collect()
    assert set(children_named(*OURS)) <= before


def test_the_thread_that_opened_one_may_end() -> None:
    opened: list[harness.Grader] = []
    thread = threading.Thread(target=lambda: opened.append(harness.Grader(SCENARIOS, jobs=1)))
    thread.start()
    thread.join()
    time.sleep(0.2)
    with opened[0] as grader:
        assert grader.grade(reply(RIGHT), scenario=ONE).outcome is Outcome.PASSED


def test_a_forked_process_is_told_to_open_its_own(grader: harness.Grader) -> None:
    pid = os.fork()
    if pid == 0:
        told = 1
        try:
            grader.grade("", scenario=ONE)
        except UsageError:
            told = 0
        finally:
            os._exit(told)
    assert os.waitpid(pid, 0)[1] == 0
    assert grader.grade(reply(RIGHT), scenario=ONE).outcome is Outcome.PASSED


def test_what_cannot_be_graded_by_anyone_is_said(grader: harness.Grader) -> None:
    with pytest.raises(UsageError, match=r"found 'clip-gradient', expected one of .* Did you mean"):
        grader.grade("", scenario="clip-gradient")
    with pytest.raises(UsageError, match="none was named, expected one of"):
        grader.grade("")
    with pytest.raises(UsageError, match=r"kind: found 'pyhton', .* Did you mean 'python'"):
        grader.grade("", scenario=ONE, kind="pyhton")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="from 1 on, found 0"):
        harness.Grader(SCENARIOS, jobs=0)
    with pytest.raises(ScenarioError, match="no such file or folder"):
        harness.Grader(SCENARIOS / "nowhere")


def test_a_scenario_that_cannot_be_asked_is_an_error_and_no_verdict(tmp_path: Path) -> None:
    skill = tmp_path / "skill"
    shutil.copytree(SCENARIOS / "custom-autograd-functions", skill)
    oracles = skill / "oracles.py"
    oracles.write_text(oracles.read_text() + "\n\ndef clipped_double(x):\n    raise KeyError(x)\n")
    with (
        harness.Grader(skill / f"{ONE}.yaml", jobs=1) as grader,
        pytest.raises(ScenarioError, match="clipped-gradient"),
    ):
        grader.grade(reply(RIGHT))


def test_one_that_cannot_start_says_so_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(children_named(*OURS))

    def refuse(_: sandbox.Zygote) -> None:
        raise SandboxError("no room")

    monkeypatch.setattr(sandbox.Zygote, "start", refuse)
    with pytest.raises(SandboxError, match="no room"):
        Service(seed=1, tier=sandbox.choose(), jobs=1)
    assert set(children_named(*OURS)) <= before


def test_one_that_breaks_later_fails_what_waits_instead_of_hanging(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with harness.Grader(SCENARIOS / "custom-autograd-functions" / f"{ONE}.yaml", jobs=1) as grader:
        assert grader.grade(reply(RIGHT)).outcome is Outcome.PASSED

        def refuse(_: sandbox.Zygote) -> None:
            raise SandboxError("no room")

        monkeypatch.setattr(sandbox.Zygote, "start", refuse)
        os.kill(children_named("zygote")[-1], signal.SIGKILL)
        # The one in which the loss is noticed may still be graded.
        with suppress(SandboxError):
            grader.grade(reply(RIGHT))
        with pytest.raises(SandboxError, match="no room"):
            grader.grade(reply(RIGHT))


def test_the_reward_function_of_the_page_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    blocks = (ROOT / "docs/grader.md").read_text().split("```python\n")[1:]
    [code] = [block.split("```")[0] for block in blocks if "def reward" in block]
    page: dict[str, Any] = {}
    exec(code, page)
    with page["grader"]:
        right, wrong = page["reward"]([reply(RIGHT), reply(WRONG)], scenario=[ONE, ONE])
    assert right >= 0.5
    assert wrong == 0.0


def test_ctrl_c_while_one_opens_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before, threads = set(children_named(*OURS)), set(threading.enumerate())
    start, released = sandbox.Zygote.start, threading.Event()

    def slow(zygote: sandbox.Zygote) -> None:
        assert released.wait(LATER_S), "the constructor waited for the thread"
        start(zygote)

    monkeypatch.setattr(sandbox.Zygote, "start", slow)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        harness.Grader(SCENARIOS, jobs=1)
    begun = set(threading.enumerate()) - threads
    released.set()
    for thread in begun:
        thread.join()
    assert set(children_named(*OURS)) <= before
