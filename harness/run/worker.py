"""One trusted grader process; imports torch, so it is never imported by the driver."""

from __future__ import annotations

import gc
import socket
import traceback
from multiprocessing.connection import Connection
from threading import Thread
from typing import NoReturn

import torch

from harness.errors import GraderError, HarnessError
from harness.grading.page import grade
from harness.grading.plan import Plan
from harness.grading.work import code_of
from harness.model import Grade
from harness.run.task import Task
from harness.sandbox.inside.ancestor import serve_forks
from harness.sandbox.inside.linux import trim
from harness.sandbox.session import prepare


def fork_graders(fd: int, *, for_many: bool) -> NoReturn:
    """Be the process that graders are forked from; ``fd`` is a socket to the driver."""
    torch.set_num_threads(1)
    if for_many:
        from harness.run.warm import warm_up  # imports what a single grade may not need

        warm_up()
    # A collection in a grader would write to every object, and so copy what is shared.
    gc.collect()
    trim()
    gc.freeze()
    serve_forks(socket.socket(fileno=fd))


def grade_tasks(fd: int, *, address: str, plans: int) -> None:
    """Grade what arrives at ``fd`` until the other side hangs up; ``address`` is a zygote's."""
    # A thread takes memory from where nothing lies yet. The main one would fill the holes between
    # what was there before the fork, and so copy pages that graders share.
    thread = Thread(target=_grade_tasks, args=(fd, address, plans))
    thread.start()
    thread.join()


def _grade_tasks(fd: int, address: str, plans: int) -> None:
    tasks = Connection(fd)
    grader = PlanCache(address, plans)
    while True:
        try:
            task: Task = tasks.recv()
        except EOFError:
            return
        answer = grader.answer(task)
        trim()
        tasks.send(answer)


class PlanCache:
    """A grader with the plans it works by, the ``most`` used last."""

    def __init__(self, address: str, most: int = 1) -> None:
        self.address = address
        self.most = most
        # By fingerprint and seed, the one used last at the end.
        self._plans: dict[tuple[str, int], Plan] = {}

    def answer(self, task: Task) -> Grade | HarnessError:
        """The grade, or why there is none: never a fault of the submission."""
        try:
            return grade(task.submission, self._plan_for(task), self.address)
        except HarnessError as error:
            return error
        except Exception:
            return GraderError(f"internal error: {traceback.format_exc(limit=-6)}")

    def _plan_for(self, task: Task) -> Plan:
        key = (task.scenario.fingerprint, task.seed)
        plan = self._plans.pop(key, None)
        if plan is None:
            if len(self._plans) >= self.most:
                # The oldest is let go of first, and its memory given back.
                del self._plans[next(iter(self._plans))]
                gc.collect()
                trim()
            prepare(self.address, code_of(task.submission))
            plan = Plan(task.scenario, task.seed)
            trim()
        self._plans[key] = plan
        return plan
