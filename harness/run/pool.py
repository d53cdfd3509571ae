"""A pool of grader processes on this machine, sharing one zygote."""

from __future__ import annotations

import multiprocessing.connection
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from harness.errors import GraderError, HarnessError, SandboxError, ScenarioError
from harness.model import Grade, Scenario, Submission
from harness.run.task import Task
from harness.sandbox.ancestor import Child, Forker, ForkError
from harness.sandbox.tier import Tier
from harness.sandbox.zygote import Zygote

Pair = tuple[Submission, Scenario]

WORKER = "harness.run.worker"
TRIES = 3
# A zygote that has grown by so much is replaced; it is looked at after so many grades.
MOST_GROWN_BYTES = 64 << 20
LOOK_EVERY = 100
MOST_RESTARTS = 20
WATCH_S = 0.5
# From so many answers on it pays to prepare longer for each.
FEW = 8


@dataclass
class Worker:
    """A grader process and what it is doing."""

    process: Child
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
    pairs: Sequence[Pair], *, seed: int, tier: Tier, jobs: int, zygote: Zygote | None = None
) -> Generator[tuple[Submission, Grade | HarnessError]]:
    """Grade every pair, in no particular order, as results come in.

    A pair is looked at when its turn comes, so that ``pairs`` may be on disk.
    A worker or zygote that is killed is replaced and its task tried again;
    after ``TRIES`` the task yields the error. A ``ScenarioError`` is yielded at once, for
    no answer to that scenario can be graded. ``zygote`` is one that was begun earlier; it is
    closed with the rest. Raises ``SandboxError`` where nothing can be started. Closing the
    iterator ends every process.
    """
    size = min(jobs, len(pairs))
    zygote = zygote or Zygote(tier, for_many=len(pairs) > FEW)
    pool = None
    try:
        pool = Pool(zygote, size, seed, for_many=len(pairs) > FEW)
        for index, answer in pool.run(pairs):
            yield pairs[index][0], answer
    finally:
        if pool is not None:
            pool.close()
        zygote.close()


class Pool:
    """Grader processes and what waits for them; all of it belongs to one thread."""

    def __init__(
        self, zygote: Zygote, size: int, seed: int, *, for_many: bool, plans: int = 1
    ) -> None:
        self.zygote = zygote
        self.seed = seed
        # How many scenarios a grader remembers how to ask; one that stays with its scenario
        # while there is work needs one.
        self.plans = plans
        self.for_many = for_many
        self.restarts = 0
        self.backlog = Backlog()
        # How many wait or are in flight, and how many are done.
        self.left = self.graded = 0
        # By index, how often a task has come back without a grade.
        self.tries: dict[int, int] = {}
        # Whether the zygote serves, and whether it is to be replaced before the next task.
        self.started = self.outgrown = False
        # What graders are forked from, and how it is asked to.
        self.parent: Child | None = None
        self.forker: Forker | None = None
        # While the zygote gets ready so do they.
        self.zygote.launch()
        self.workers = [self._hire() for _ in range(size)]

    def _hire(self) -> Worker:
        while True:
            try:
                if self.parent is None or self.forker is None or not self.parent.alive():
                    self._dismiss_parent()
                    arguments: dict[str, object] = {"for_many": self.for_many}
                    self.parent, control = self.zygote.call(WORKER, "fork_graders", arguments)
                    self.forker = Forker(control)
                arguments = {"address": self.zygote.address, "plans": self.plans}
                process, ours = self.forker.call(WORKER, "grade_tasks", arguments)
            except ForkError:
                self._count_restart()
                self._dismiss_parent()
            else:
                return Worker(process, Connection(ours.detach()))

    def _dismiss_parent(self) -> None:
        if self.forker is not None:
            self.forker.close()
        if self.parent is not None:
            self.parent.close()
        self.forker = self.parent = None

    def run(self, pairs: Sequence[Pair]) -> Iterator[tuple[int, Grade | HarnessError]]:
        """Index and grade of every pair."""
        for index, (_, scenario) in enumerate(pairs):
            self.add(index, scenario)
        while self.left:
            yield from self.step(pairs)

    def add(self, index: int, scenario: Scenario) -> None:
        """Let a pair wait for its turn."""
        self.backlog.add(scenario.id, index)
        self.left += 1

    def step(
        self, pairs: Sequence[Pair] | Mapping[int, Pair], wake: int | None = None
    ) -> Iterator[tuple[int, Grade | HarnessError]]:
        """Give out what waits, and whatever is answered within a moment.

        Ends at once where the descriptor ``wake`` can be read from, which is all that it waits
        for where there is nothing to do.
        """
        if wake is not None and not self.left:
            multiprocessing.connection.wait([wake])
            return
        if not self.started:
            # Graders make their plans while the zygote gets ready.
            self._give_out(pairs)
            self.start()
        self._restart_zygote_if_dead()
        if self.outgrown and all(worker.busy is None for worker in self.workers):
            self.start()
        if not self.outgrown:
            self._give_out(pairs)
        for worker in self._heard_from(wake):
            assert worker.busy is not None
            done = worker.busy
            worker.busy = None
            try:
                answer = worker.connection.recv()
            except (EOFError, OSError):
                answer = GraderError("a grader process was killed")
                self._replace(worker)
            tries = self.tries.pop(done, 0) + 1
            ours = isinstance(answer, HarnessError) and not isinstance(answer, ScenarioError)
            if ours and tries < TRIES:
                self.tries[done] = tries
                self.backlog.add(pairs[done][1].id, done)
                continue
            self.left -= 1
            self.restarts = 0
            self.graded += 1
            if self.graded % LOOK_EVERY == 0:
                self.outgrown = self.zygote.memory_bytes() > self.born_bytes + MOST_GROWN_BYTES
            yield done, answer

    def _give_out(self, pairs: Sequence[Pair] | Mapping[int, Pair]) -> None:
        for worker in self.workers:
            if worker.busy is None:
                self._give(worker, pairs)

    def _give(self, worker: Worker, pairs: Sequence[Pair] | Mapping[int, Pair]) -> None:
        index = self.backlog.take(worker.scenario)
        if index is None:
            return
        submission, scenario = pairs[index]
        worker.busy, worker.scenario = index, scenario.id
        with suppress(OSError):  # it is dead, which reading from it will show
            worker.connection.send(Task(submission, scenario, self.seed))

    def _heard_from(self, wake: int | None) -> list[Worker]:
        busy = {worker.connection: worker for worker in self.workers if worker.busy is not None}
        watched: list[Connection | int] = [*busy, *(() if wake is None else (wake,))]
        ready = multiprocessing.connection.wait(watched, timeout=WATCH_S)
        return [busy[connection] for connection in ready if isinstance(connection, Connection)]

    def _replace(self, worker: Worker) -> None:
        self._count_restart()
        worker.connection.close()
        worker.process.close()
        self.workers[self.workers.index(worker)] = self._hire()

    def _restart_zygote_if_dead(self) -> None:
        if not self.zygote.alive():
            self._count_restart()
            self.start()

    def start(self) -> None:
        """Let the zygote serve, or a new one; raises ``SandboxError``."""
        self.zygote.start()
        self.started, self.outgrown = True, False
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
            worker.process.close()
        self._dismiss_parent()
