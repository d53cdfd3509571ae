"""One trusted grader process; imports torch, so it is never imported by the driver."""

from __future__ import annotations

import signal
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection

import torch

from harness.errors import HarnessError, ScenarioError
from harness.grading import Plan, grade
from harness.model import Record, Scenario, Submission

# A worker stays with a scenario while there is work, so older plans are not asked for again.
MOST_PLANS = 2


@dataclass(frozen=True)
class Task:
    """A submission to grade against its scenario."""

    submission: Submission
    scenario: Scenario
    seed: int


@dataclass(frozen=True)
class Fault:
    """Why a task has no record: our fault, never the submission's."""

    message: str
    # Whether no submission can be graded until a person mends something.
    fatal: bool = False


def work(tasks: Connection, address: str) -> None:
    """Grade what arrives until the other side hangs up; ``address`` is a zygote's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    torch.set_num_threads(1)
    plans: dict[tuple[str, int], Plan] = {}
    while True:
        try:
            task: Task = tasks.recv()
        except EOFError:
            return
        tasks.send(_answer(task, address, plans))


def _answer(task: Task, address: str, plans: dict[tuple[str, int], Plan]) -> Record | Fault:
    try:
        key = (task.scenario.fingerprint, task.seed)
        if key not in plans:
            if len(plans) == MOST_PLANS:
                del plans[next(iter(plans))]
            plans[key] = Plan(task.scenario, task.seed)
        return grade(task.submission, plans[key], address)
    except ScenarioError as error:
        return Fault(str(error), fatal=True)
    except HarnessError as error:
        return Fault(str(error))
    except Exception:
        return Fault(f"internal error: {traceback.format_exc(limit=-6)}")
