"""Lets one worker have the machine to itself while the others of its zygote wait.

A process that ran out of time may have done so because its neighbours kept the
machine busy. So a fault is only believed once it shows without neighbours.

Two locks make the wait short: who wants to be alone closes the door, and then
waits for those who are in to leave. The kernel drops the locks of a killed worker.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def shared(address: str) -> Iterator[None]:
    """Work beside others; ``address`` is the zygote's."""
    with ExitStack() as stack:
        with _locked(f"{address}.door", fcntl.LOCK_EX):
            stack.enter_context(_locked(f"{address}.room", fcntl.LOCK_SH))
        yield


@contextmanager
def exclusive(address: str) -> Iterator[None]:
    """Work while no other worker of the same zygote does."""
    with _locked(f"{address}.door", fcntl.LOCK_EX), _locked(f"{address}.room", fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(path: str, kind: int) -> Iterator[None]:
    with Path(path).open("a") as file:
        fcntl.flock(file, kind)
        yield
