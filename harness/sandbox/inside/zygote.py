"""A warmed process that forks one confined candidate per request; itself forked (``ancestor``).

It listens on a socket. Each connection is one trusted worker; a worker sends
``{"cpu_s", "memory_bytes", "needs"}`` with the candidate's end of a socket pair, gets
``{"started": true, "pace"}`` with a pidfd (or ``{"failed": why}`` without), and
``{"exited": status, "cpu_s", "peak_bytes"}`` once the candidate is gone. ``needs`` names what of
``serve.NEEDS`` the candidate is likely to use; alone, without a descriptor, it has them imported
for a candidate that is to come. Hanging up kills the candidate. One connection has
at most one candidate at a time.
"""

import contextlib
import gc
import json
import math
import os
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import confine, landlock, linux

MESSAGE_BYTES = 4096
# A socket to the process for which this one was started; it ends with that process.
LIFELINE_FD = 0
CANDIDATE_FD = 3
# Processor seconds that the calibration may take before limits are stretched: twice what it
# takes on the two-core machine on which they were chosen.
NOMINAL_S = 0.1
MOST_PACE = 20.0
# Without namespaces every candidate is a user of its own: limits on processes count per user.
USERS = 1024


@dataclass(frozen=True)
class ZygoteSettings:
    """How this zygote was asked to run, as its starter wrote it."""

    layers: confine.Layers
    root: confine.Root
    readable: list[str]
    # Folder the zygote may write to while it warms up; candidates may not.
    scratch: str
    # First of the users that candidates of a root zygote run as; 0 where it is not root.
    sandbox_uid: int
    # Whether the interpreter lies where only root may read it.
    private_interpreter: bool

    @staticmethod
    def parse(raw: dict[str, Any]) -> "ZygoteSettings":
        layers, root = confine.Layers(**raw.pop("layers")), confine.Root(**raw.pop("root"))
        return ZygoteSettings(layers=layers, root=root, **raw)


def main(lifeline_fd: int, listener_fd: int) -> None:
    """Set the scene, say ``{"ready": …}`` on the lifeline, then serve for ever."""
    os.dup2(lifeline_fd, LIFELINE_FD)
    os.close(lifeline_fd)
    with socket.socket(fileno=os.dup(LIFELINE_FD)) as stream:
        settings = ZygoteSettings.parse(linux.received(stream))
    sys.dont_write_bytecode = True
    if settings.layers.namespaces:
        child = confine.enter_private_world(settings.root, settings.sandbox_uid)
        if child:
            _outlive(child, listener_fd)
    os.chdir("/")
    tempfile.tempdir = settings.scratch  # libraries want one while they are imported
    # The compiler makes its folder when it is imported, which a candidate may not.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = settings.scratch
    pace = measured_pace()
    zygote = ZygoteServer(socket.socket(fileno=listener_fd), settings, pace)
    os.write(LIFELINE_FD, json.dumps({"ready": True, "pace": round(pace, 3)}).encode() + b"\n")
    zygote.serve()


def measured_pace() -> float:
    """How many times slower than the nominal machine this one is, at least 1.

    By processor time, so that other work on the machine does not count.
    """
    from . import serve

    spent = []
    for _ in range(3):
        started = time.process_time()
        serve.exercise()
        spent.append(time.process_time() - started)
    return min(max(min(spent) / NOMINAL_S, 1.0), MOST_PACE)


def _outlive(child: int, listener_fd: int) -> None:
    """Outside the namespaces: wait for the zygote, keep nothing open."""
    os.close(listener_fd)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


class GraderConnection:
    """A connection from the trusted side, and the candidate it asked for."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.candidate_pid: int | None = None

    def kill_candidate(self) -> None:
        if self.candidate_pid is not None:
            # PID 1 of its namespace: takes the whole tree along.
            os.kill(self.candidate_pid, signal.SIGKILL)

    def tell(self, message: dict[str, object], fds: Sequence[int] = ()) -> None:
        # It may have hung up, which is the next event or was the last one.
        with contextlib.suppress(OSError):
            socket.send_fds(self.connection, [json.dumps(message).encode()], fds)


class ZygoteServer:
    """The fork server's loop; single-threaded, or forking would not be safe."""

    def __init__(self, listener: socket.socket, settings: ZygoteSettings, pace: float) -> None:
        self.listener = listener
        self.settings = settings
        self.pace = pace
        layers = settings.layers
        self.forked = 0
        self.own_pidns = None
        if layers.namespaces:
            self.own_pidns = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        # Where every candidate sees the same files, one ruleset serves them all.
        self.ruleset_fd = None
        if layers.landlock and not layers.namespaces:
            self.ruleset_fd = landlock.ruleset(settings.readable, ["/dev/null"])
        self.poll = select.poll()
        self.poll.register(listener, select.POLLIN)
        self.poll.register(LIFELINE_FD, select.POLLIN)
        self.workers: dict[int, GraderConnection] = {}  # by descriptor, while it is open
        self.candidates: dict[int, GraderConnection] = {}  # by pidfd, until reaped
        if layers.seccomp:
            confine.program(layers)  # kept for the candidates
        self.imported: set[str] = set()
        self._settle()

    def _settle(self) -> None:
        gc.collect()
        gc.freeze()
        if len(os.listdir("/proc/self/task")) != 1:
            raise RuntimeError("more than one thread after the warm-up: forking is not safe")

    def serve(self) -> None:
        while True:
            for fd, _ in self.poll.poll():
                if fd == self.listener.fileno():
                    self._accept()
                elif fd == LIFELINE_FD:
                    self._leave()
                elif fd in self.workers:
                    self._request(fd)
                elif fd in self.candidates:
                    self._reap(fd)

    def _leave(self) -> None:
        """Whoever started this is gone; a signal for that does not survive a change of user."""
        for worker in self.candidates.values():
            worker.kill_candidate()
        os._exit(0)

    def _accept(self) -> None:
        connection, _ = self.listener.accept()
        self.workers[connection.fileno()] = GraderConnection(connection)
        self.poll.register(connection, select.POLLIN)

    def _request(self, fd: int) -> None:
        worker = self.workers[fd]
        try:
            message, fds, _, _ = socket.recv_fds(worker.connection, MESSAGE_BYTES, 1)
        except ConnectionError:
            message, fds = b"", []
        if not message:
            worker.kill_candidate()
            self.poll.unregister(fd)
            worker.connection.close()
            del self.workers[fd]
            return
        request = json.loads(message)
        self._import(request["needs"])
        if not fds:
            return
        cpu_s = math.ceil(request["cpu_s"] * self.pace)
        grant = confine.Grant(cpu_s, request["memory_bytes"])
        try:
            worker.candidate_pid = self._fork(fds[0], grant)
        except OSError as error:
            worker.tell({"failed": f"cannot start a process: {error.strerror}"})
            return
        finally:
            os.close(fds[0])
        pidfd = os.pidfd_open(worker.candidate_pid)
        self.candidates[pidfd] = worker
        self.poll.register(pidfd, select.POLLIN)
        worker.tell({"started": True, "pace": self.pace}, [pidfd])

    def _import(self, needs: Sequence[str]) -> None:
        """Import once, here, what candidates would each import for themselves."""
        from . import serve

        missing = [need for need in needs if need not in self.imported]
        for need in missing:
            serve.NEEDS[need]()
            self.imported.add(need)
        if missing:
            self._settle()

    def _reap(self, pidfd: int) -> None:
        worker = self.candidates.pop(pidfd)
        self.poll.unregister(pidfd)
        os.close(pidfd)
        assert worker.candidate_pid is not None
        _, status, usage = os.wait4(worker.candidate_pid, 0)
        worker.candidate_pid = None
        worker.tell(
            {
                "exited": os.waitstatus_to_exitcode(status),
                "cpu_s": usage.ru_utime + usage.ru_stime,
                "peak_bytes": usage.ru_maxrss * 1024,
            }
        )

    def _fork(self, candidate_fd: int, grant: confine.Grant) -> int:
        self.forked += 1
        if self.own_pidns is not None:
            linux.unshare(linux.CLONE_NEWPID)
        try:
            pid = os.fork()
            if pid == 0:
                self._become_candidate(candidate_fd, grant)
        finally:
            if self.own_pidns is not None:
                linux.setns(self.own_pidns, linux.CLONE_NEWPID)
        return pid

    def _user(self) -> confine.User | None:
        if self.settings.layers.namespaces or not self.settings.sandbox_uid:
            return None
        uid = self.settings.sandbox_uid + self.forked % USERS
        return confine.User(uid, self.settings.private_interpreter)

    def _become_candidate(self, candidate_fd: int, grant: confine.Grant) -> None:
        # Nothing may return from here: the caller is the zygote's loop.
        from . import serve

        try:
            try:
                linux.call_itself("python3")
                self._keep_only(candidate_fd)
                confine.confine_candidate(
                    self.settings.layers,
                    grant,
                    self.settings.readable,
                    self.ruleset_fd,
                    self._user(),
                )
            except BaseException as error:
                serve.report_setup_failure(CANDIDATE_FD, error)
                raise
            serve.serve(CANDIDATE_FD)
        finally:
            os._exit(1)

    def _keep_only(self, candidate_fd: int) -> None:
        """Descriptors 0 to 2 on /dev/null, 3 the socket, 4 the ruleset, no others."""
        # First out of the way of the numbers they are to get.
        sock = os.dup(candidate_fd) if candidate_fd < 16 else candidate_fd
        while sock < 16:
            sock = os.dup(sock)
        ruleset = None
        if self.ruleset_fd is not None:
            ruleset = os.dup(self.ruleset_fd)
            while ruleset < 16:
                ruleset = os.dup(ruleset)
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.dup2(sock, CANDIDATE_FD)
        last = CANDIDATE_FD
        if ruleset is not None:
            last += 1
            os.dup2(ruleset, last)
            self.ruleset_fd = last
        os.closerange(last + 1, 65536)
