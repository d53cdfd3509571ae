"""One trusted grader process; imports torch, so it is never imported by the driver."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection

import torch

from harness.errors import GraderError, HarnessError
from harness.grading import Plan, grade
from harness.model import Grade, Scenario, Submission
from harness.sandbox.inside.linux import trim


@dataclass(frozen=True)
class Task:
    """A submission to grade against its scenario."""

    submission: Submission
    scenario: Scenario
    seed: int


def work(tasks: Connection, address: str) -> None:
    """Grade what arrives until the other side hangs up; ``address`` is a zygote's."""
    threading.Thread(target=_end_with_driver, daemon=True).start()
    torch.set_num_threads(1)
    plans = PlanCache(address)
    while True:
        try:
            task: Task = tasks.recv()
        except EOFError:
            return
        tasks.send(plans.answer(task))
        trim()


def _end_with_driver() -> None:
    """A killed driver takes its zygote along, for which a grader would wait a while."""
    driver = multiprocessing.parent_process()
    assert driver is not None
    driver.join()
    os._exit(1)


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
