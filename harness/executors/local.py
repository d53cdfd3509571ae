"""A pool of grader processes on this machine, sharing one zygote."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from harness.errors import GraderError, HarnessError, SandboxError, ScenarioError
from harness.model import Grade, Scenario, Submission
from harness.sandbox.tier import Tier
from harness.sandbox.zygote import Zygote

Pair = tuple[Submission, Scenario]

# What a grader needs, made once in the process that graders are forked from.
PRELOAD = ["harness.executors.interrupt", "harness.executors.warm"]
TRIES = 3
# A zygote that has grown by so much is replaced; it is looked at after so many grades.
MOST_GROWN_BYTES = 64 << 20
LOOK_EVERY = 100
MOST_RESTARTS = 20
WATCH_S = 0.5


@dataclass
class Worker:
    """A grader process and what it is doing."""

    process: BaseProcess
    connection: Connection
    # Index of the task in flight.
    busy: int | None = None
    # Scenario it has a plan for.
    scenario: str | None = None


@dataclass
class Backlog:
    """Tasks that wait, by scenario, so that a worker can stay with one plan."""

    by_scenario: dict[str, deque[int]] = field(default_factory=dict)

    def add(self, scenario: str, index: int) -> None:
        self.by_scenario.setdefault(scenario, deque()).append(index)

    def take(self, preferred: str | None) -> int | None:
        """A task of ``preferred``, else of the scenario with the most left."""
        if not self.by_scenario:
            return None
        scenario = preferred
        if scenario not in self.by_scenario:
            scenario = max(self.by_scenario, key=lambda name: len(self.by_scenario[name]))
        assert scenario is not None
        index = self.by_scenario[scenario].popleft()
        if not self.by_scenario[scenario]:
            del self.by_scenario[scenario]
        return index


def grade_all(
    pairs: Sequence[Pair], *, seed: int, tier: Tier, jobs: int
) -> Generator[tuple[Submission, Grade | HarnessError]]:
    """Grade every pair, in no particular order, as results come in.

    A pair is looked at when its turn comes, so that ``pairs`` may be on disk.
    A worker or zygote that is killed is replaced and its task tried again;
    after ``TRIES`` the task yields the error. A ``ScenarioError`` is yielded at once, for
    no answer to that scenario can be graded. Raises ``SandboxError`` where nothing can be
    started. Closing the iterator ends every process.
    """
    with Zygote(tier) as zygote:
        pool = _Pool(zygote, min(jobs, len(pairs)), seed)
        try:
            for index, answer in pool.run(pairs):
                yield pairs[index][0], answer
        finally:
            pool.close()


class _Pool:
    def __init__(self, zygote: Zygote, size: int, seed: int) -> None:
        self.zygote = zygote
        self.seed = seed
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(PRELOAD)
        self.restarts = 0
        self.born_bytes = zygote.memory_bytes()
        self.workers = [self._hire() for _ in range(size)]

    def _hire(self) -> Worker:
        from harness.executors.worker import work

        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=work, args=(theirs, self.zygote.address), daemon=True)
        process.start()
        theirs.close()
        return Worker(process, ours)

    def run(self, pairs: Sequence[Pair]) -> Iterator[tuple[int, Grade | HarnessError]]:
        backlog = Backlog()
        for index, (_, scenario) in enumerate(pairs):
            backlog.add(scenario.id, index)
        tries = [0] * len(pairs)
        left = len(pairs)
        outgrown = False
        while left:
            self._restart_zygote_if_dead()
            if outgrown and all(worker.busy is None for worker in self.workers):
                self._start_zygote()
                outgrown = False
            for worker in self.workers:
                if worker.busy is None and not outgrown:
                    self._give(worker, backlog, pairs)
            for worker in self._heard_from():
                assert worker.busy is not None
                done = worker.busy
                worker.busy = None
                try:
                    answer = worker.connection.recv()
                except (EOFError, OSError):
                    answer = GraderError("a grader process was killed")
                    self._replace(worker)
                tries[done] += 1
                ours = isinstance(answer, HarnessError) and not isinstance(answer, ScenarioError)
                if ours and tries[done] < TRIES:
                    backlog.add(pairs[done][1].id, done)
                    continue
                left -= 1
                self.restarts = 0
                if left % LOOK_EVERY == 0:
                    outgrown = self.zygote.memory_bytes() > self.born_bytes + MOST_GROWN_BYTES
                yield done, answer

    def _give(self, worker: Worker, backlog: Backlog, pairs: Sequence[Pair]) -> None:
        from harness.executors.worker import Task

        index = backlog.take(worker.scenario)
        if index is None:
            return
        submission, scenario = pairs[index]
        worker.busy, worker.scenario = index, scenario.id
        with suppress(OSError):  # it is dead, which reading from it will show
            worker.connection.send(Task(submission, scenario, self.seed))

    def _heard_from(self) -> list[Worker]:
        busy = {worker.connection: worker for worker in self.workers if worker.busy is not None}
        ready = multiprocessing.connection.wait(list(busy), timeout=WATCH_S)
        return [busy[connection] for connection in ready if isinstance(connection, Connection)]

    def _replace(self, worker: Worker) -> None:
        self._count_restart()
        worker.connection.close()
        worker.process.join()
        self.workers[self.workers.index(worker)] = self._hire()

    def _restart_zygote_if_dead(self) -> None:
        if not self.zygote.alive():
            self._count_restart()
            self._start_zygote()

    def _start_zygote(self) -> None:
        self.zygote.start()
        self.born_bytes = self.zygote.memory_bytes()

    def _count_restart(self) -> None:
        self.restarts += 1
        if self.restarts > MOST_RESTARTS:
            raise SandboxError(
                f"processes of this run were killed {MOST_RESTARTS} times without a grade between; "
                "is the machine out of memory? What was graded is kept: run again with fewer "
                "jobs (-j 1)."
            )

    def close(self) -> None:
        for worker in self.workers:
            worker.connection.close()
            worker.process.kill()
        for worker in self.workers:
            worker.process.join()
