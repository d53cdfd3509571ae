"""Starts the process that the zygote and graders are forked from, and asks it to fork."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import SandboxError

START_S = 120.0
ENDED_S = 10.0
KILLED = "it was killed while it warmed up"
# Sets of text are in the same order in every run: one that is graded again gets the same grade.
HASH_SEED = "20260131"


class ForkError(SandboxError):
    """The process that was asked to fork is dead, or does not answer."""


@dataclass
class Child:
    """A process that was forked for us by another one."""

    pid: int
    pidfd: int

    def alive(self) -> bool:
        """Whether it is still running."""
        return self.pidfd >= 0 and not readable(self.pidfd, 0)

    def close(self) -> None:
        """Kill it and wait until it is gone."""
        if self.pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            readable(self.pidfd, ENDED_S)
            os.close(self.pidfd)
            self.pidfd = -1


class Forker:
    """Our end of the socket of a process that forks; raises ``ForkError`` where it died."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control

    def fork(self, kind: str, fds: Sequence[int]) -> Child:
        """A child of the other process that has ``fds``, once that process is warm."""
        try:
            socket.send_fds(self.control, [json.dumps({"fork": kind}).encode()], fds)
            if not readable(self.control.fileno(), START_S):
                raise ForkError(f"no answer within {START_S:.0f} s")
            message, found, _, _ = socket.recv_fds(self.control, 4096, 1)
        except OSError:
            raise ForkError(KILLED) from None
        if not message:
            raise ForkError(KILLED)
        return Child(json.loads(message)["pid"], found[0])

    def call(
        self, module: str, function: str, arguments: Mapping[str, object], fds: Sequence[int] = ()
    ) -> tuple[Child, socket.socket]:
        """A child that calls ``function(fd, *fds, **arguments)``, and our end of its ``fd``.

        It has the import path, environment and working folder of this process, and its standard
        error for all it prints. ``arguments`` are data for JSON.
        """
        ours, theirs = socket.socketpair()
        with theirs, _words() as words:
            child = self.fork("module", [theirs.fileno(), words, *fds])
        told = {
            "environ": dict(os.environ),
            "path": sys.path,
            "cwd": str(Path.cwd()),
            "dont_write_bytecode": sys.dont_write_bytecode,
            "module": module,
            "function": function,
            "arguments": arguments,
        }
        tell(ours, told)
        return child, ours

    def close(self) -> None:
        self.control.close()


class Ancestor(Forker):
    """The process that has imported torch; runs from the copied folder ``app``.

    ``errors`` is the file that gets what it and its children complain about.
    """

    def __init__(self, app: Path, errors: Path, settings: Mapping[str, object]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        super().__init__(ours)
        with theirs, errors.open("ab") as words:
            self.process = subprocess.Popen(
                # As -I, but for the environment, which is all ours.
                [sys.executable, "-P", "-s", "-S", str(app), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=words,
                pass_fds=[theirs.fileno()],
                # A Ctrl-C at the terminal is for the driver, which then ends this.
                start_new_session=True,
                cwd="/",
                env={
                    "PATH": "/usr/bin:/bin",
                    "LANG": "C.UTF-8",
                    "CUDA_VISIBLE_DEVICES": "",
                    "PYTHONHASHSEED": HASH_SEED,
                },
            )
        with contextlib.suppress(OSError):  # it died at once; its last words say why
            ours.send(json.dumps(settings).encode())

    def alive(self) -> bool:
        """Whether the process is still running."""
        return self.process.poll() is None

    def close(self) -> None:
        """End the process, and with it what was forked from it."""
        super().close()
        self.process.kill()
        self.process.wait()


def tell(stream: socket.socket, message: Mapping[str, object]) -> None:
    """Send a message to a new child; one that was killed is found out when it is read from."""
    data = json.dumps(message).encode()
    with contextlib.suppress(OSError):
        stream.sendall(len(data).to_bytes(4) + data)


@contextlib.contextmanager
def _words() -> Iterator[int]:
    """A descriptor for what a child says: our standard error, or nothing where that is closed."""
    try:
        fd = os.dup(2)
    except OSError:
        fd = os.open(os.devnull, os.O_WRONLY)
    try:
        yield fd
    finally:
        os.close(fd)


def readable(fd: int, timeout_s: float) -> bool:
    """Whether there is something to read within ``timeout_s``, be it the end."""
    poll = select.poll()  # unlike select, takes descriptors of any number
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(1000 * timeout_s))
