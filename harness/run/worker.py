"""One trusted grader process; imports torch, so it is never imported by the driver."""

from __future__ import annotations

import gc
import socket
import traceback
from multiprocessing.connection import Connection
from typing import NoReturn

import torch

from harness.errors import GraderError, HarnessError
from harness.grading.page import grade
from harness.grading.plan import Plan
from harness.model import Grade
from harness.run.task import Task
from harness.sandbox.inside.ancestor import serve_forks
from harness.sandbox.inside.linux import trim


def fork_graders(fd: int, *, for_many: bool) -> NoReturn:
    """Be the process that graders are forked from; ``fd`` is a socket to the driver."""
    torch.set_num_threads(1)
    if for_many:
        from harness.run.warm import warm_up  # imports what a single grade may not need

        warm_up()
    # A collection in a grader would write to every object, and so copy what is shared.
    gc.collect()
    gc.freeze()
    serve_forks(socket.socket(fileno=fd))


def grade_tasks(fd: int, *, address: str) -> None:
    """Grade what arrives at ``fd`` until the other side hangs up; ``address`` is a zygote's."""
    tasks = Connection(fd)
    plans = PlanCache(address)
    while True:
        try:
            task: Task = tasks.recv()
        except EOFError:
            return
        tasks.send(plans.answer(task))
        trim()


class PlanCache:
    """A grader with the plan it works by: it stays with a scenario while there is work."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._key: tuple[str, int] | None = None
        self._plan: Plan | None = None

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
        if self._plan is None or key != self._key:
            # The old one is let go of first, and its memory given back.
            self._plan = None
            gc.collect()
            trim()
            self._plan, self._key = Plan(task.scenario, task.seed), key
            trim()
        return self._plan
