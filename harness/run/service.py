"""A pool that grades what it is given, from any thread, until it is closed."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from concurrent.futures import CancelledError, Future
from contextlib import suppress

from harness.errors import HarnessError, UsageError
from harness.model import Grade, Scenario, Submission
from harness.run.pool import Pair, Pool
from harness.sandbox.tier import Tier
from harness.sandbox.zygote import Zygote

# A plan takes seconds to make and about 4 MiB; answers to many scenarios come mixed here.
PLANS = 32

Promise = Future[Grade | HarnessError]


class Service:
    """Grader processes that stay; raises ``SandboxError`` where they cannot be started.

    One that is forgotten is closed with the interpreter at the latest.
    """

    def __init__(self, *, seed: int, tier: Tier, jobs: int) -> None:
        self._loop = _Loop(seed, tier, jobs)
        self._closed = weakref.finalize(self, self._loop.close)
        self._loop.await_start()

    def submit(self, submission: Submission, scenario: Scenario) -> Promise:
        """What will come of one submission: its grade, or why there is none.

        Raises ``UsageError`` once the service is closed, and in a process that was forked from
        the one that opened it. A future that is waiting when the service is closed is cancelled;
        where no grader can be started any more it raises ``SandboxError``.
        """
        return self._loop.submit(submission, scenario)

    def close(self) -> None:
        """End every process; what is not graded by then is cancelled. Does nothing twice."""
        self._closed()


class _Loop:
    """The thread that owns the pool: the kernel ends a process with the thread that made it."""

    def __init__(self, seed: int, tier: Tier, jobs: int) -> None:
        self.seed, self.tier, self.jobs = seed, tier, jobs
        self.opened_by = os.getpid()
        self.lock = threading.Lock()
        # What the thread has not looked at yet, and how it is told to.
        self.inbox: deque[tuple[Pair, Promise]] = deque()
        self.wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.closing = False
        # Why nothing can be graded any more.
        self.broken: BaseException | None = None
        self.started = threading.Event()
        # By index, what waits or is being graded.
        self.pairs: dict[int, Pair] = {}
        self.answers: dict[int, Promise] = {}
        self.thread = threading.Thread(target=self.run, name="harness grader", daemon=True)
        self.thread.start()

    def await_start(self) -> None:
        try:
            self.started.wait()
        except BaseException:
            # Whoever presses Ctrl-C does not wait for what is about to be ended.
            self.close(wait=False)
            raise
        if self.broken is not None:
            raise self.broken

    def submit(self, submission: Submission, scenario: Scenario) -> Promise:
        answer: Promise = Future()
        if os.getpid() != self.opened_by:
            raise UsageError(
                f"this grader was opened by process {self.opened_by} and is used in process "
                f"{os.getpid()}, which was forked from it; open one in each process"
            )
        with self.lock:
            if self.closing:
                raise UsageError("this grader is closed; open another one")
            if self.broken is not None:
                raise self.broken
            self.inbox.append(((submission, scenario), answer))
            os.eventfd_write(self.wake, 1)
        return answer

    def close(self, *, wait: bool = True) -> None:
        if os.getpid() != self.opened_by:
            return
        with self.lock:
            if self.closing:
                return
            self.closing = True
            if self.wake >= 0:
                os.eventfd_write(self.wake, 1)
        if wait and threading.current_thread() is not self.thread:
            self.thread.join()

    def run(self) -> None:
        zygote = pool = None
        try:
            zygote = Zygote(self.tier, for_many=True)
            pool = Pool(zygote, self.jobs, self.seed, for_many=True, plans=PLANS)
            pool.start()
            self.started.set()
            self.grade(pool)
        except BaseException as error:
            with self.lock:
                self.broken = error
        finally:
            if pool is not None:
                pool.close()
            if zygote is not None:
                zygote.close()
            self.started.set()
            self.give_up()

    def grade(self, pool: Pool) -> None:
        index = 0
        while not self.closing:
            for pair, answer in self.taken():
                self.pairs[index], self.answers[index] = pair, answer
                pool.add(index, pair[1])
                index += 1
            for done, grade in pool.step(self.pairs, self.wake):
                del self.pairs[done]
                self.answers.pop(done).set_result(grade)

    def taken(self) -> list[tuple[Pair, Promise]]:
        """What was submitted since the last time, but for what was cancelled meanwhile."""
        with self.lock:
            with suppress(BlockingIOError):
                os.eventfd_read(self.wake)
            new = list(self.inbox)
            self.inbox.clear()
        return [one for one in new if one[1].set_running_or_notify_cancel()]

    def give_up(self) -> None:
        with self.lock:
            left = list(self.answers.values())
            left += [one for _, one in self.inbox if one.set_running_or_notify_cancel()]
            self.inbox.clear()
            os.close(self.wake)
            self.wake = -1
        for answer in left:
            answer.set_exception(self.broken or CancelledError())
