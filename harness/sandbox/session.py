"""A conversation with one candidate, seen from the trusted side."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import torch

from harness.errors import SandboxError
from harness.model import Limits
from harness.sandbox.inside import wire

HEADER_BYTES = 8 << 20
# What a reply may hold beyond the tensors that were asked for.
BODY_SLACK_BYTES = 1 << 20
CONNECT_S = 60.0
GONE_S = 5.0


class CandidateFault(Exception):
    """The candidate ended, hung or sent nonsense: a failure of the submission.

    ``str()`` says what happened in words for the submission's author.
    """


class Session:
    """One candidate process; a context manager that ends it.

    ``deadline_s`` of wall-clock time is shared by all questions. Raises
    ``SandboxError`` where the sandbox itself failed, ``CandidateFault`` where
    the candidate did.
    """

    def __init__(self, address: str, limits: Limits) -> None:
        self.limits = limits
        self._deadline = time.monotonic() + limits.wall_s
        self._control = _connect(address)
        self._has_code = False
        ours, theirs = socket.socketpair()
        self._candidate = ours
        try:
            request = {"cpu_s": round(limits.cpu_s), "memory_bytes": limits.memory_bytes}
            try:
                socket.send_fds(self._control, [json.dumps(request).encode()], [theirs.fileno()])
                message, fds, _, _ = socket.recv_fds(self._control, 4096, 1)
            except OSError as error:
                raise SandboxError(f"the zygote hung up: {error}") from None
            if not message:
                raise SandboxError("the zygote hung up")
            self._pidfd = fds[0]
        except BaseException:
            ours.close()
            self._control.close()
            raise
        finally:
            theirs.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the candidate and let go of everything."""
        self._candidate.close()
        self._control.close()
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def memory_bytes(self) -> int:
        """Resident memory of the candidate, as the kernel counts it."""
        with open(f"/proc/self/fdinfo/{self._pidfd}") as file:
            fields = dict(line.split(":", 1) for line in file)
        with open(f"/proc/{int(fields['Pid'])}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def request(
        self,
        header: Mapping[str, object],
        tensors: list[torch.Tensor] | None = None,
        *,
        reply_bytes: int = 0,
    ) -> tuple[dict[str, Any], list[torch.Tensor]]:
        """One question and its answer; ``reply_bytes`` bounds the tensors that come back."""
        try:
            self._send(wire.encode(dict(header), tensors or []))
            prefix = self._receive(wire.PREFIX.size)
            head_bytes, body_bytes = wire.PREFIX.unpack(prefix)
            if head_bytes > HEADER_BYTES or body_bytes > reply_bytes + BODY_SLACK_BYTES:
                raise CandidateFault("the process sent more than it was asked for")
            head = self._receive(head_bytes)
            reply, results = wire.decode(bytes(head), self._receive(body_bytes))
        except wire.WireError as error:
            raise CandidateFault(f"the process sent a malformed reply: {error}") from None
        # Before it has any code to run, what it says is ours; afterwards it may be anyone's.
        if "setup_failed" in reply and not self._has_code:
            raise SandboxError(f"a candidate could not be confined: {reply['setup_failed']}")
        self._has_code = True
        return reply, results

    def _remaining(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise CandidateFault(f"it took more than {self.limits.wall_s:g} s")
        return left

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._candidate.settimeout(self._remaining())
            try:
                view = view[self._candidate.send(view) :]
            except TimeoutError:
                continue
            except OSError:
                raise CandidateFault(self._why_gone()) from None

    def _receive(self, count: int) -> bytearray:
        data = bytearray(count)
        view = memoryview(data)
        while view:
            self._candidate.settimeout(self._remaining())
            try:
                got = self._candidate.recv_into(view)
            except TimeoutError:
                continue
            except OSError:
                got = 0
            if got == 0:
                raise CandidateFault(self._why_gone())
            view = view[got:]
        return data

    def _why_gone(self) -> str:
        """How the candidate ended, once its socket is closed."""
        ready, _, _ = select.select([self._control], [], [], GONE_S)
        if not ready:
            return "the process closed its connection and went on running"
        try:
            message = self._control.recv(4096)
        except OSError as error:
            raise SandboxError(f"the zygote hung up: {error}") from None
        if not message:
            raise SandboxError("the zygote hung up")
        status = json.loads(message)["exited"]
        if status == -9:
            return "the process was killed (out of CPU time or memory, or it made a forbidden call)"
        if status == -31:
            return "the process was killed for a forbidden system call"
        if status < 0:
            return f"the process died of signal {-status}"
        return f"the process left with exit status {status} before it had answered"


def _connect(address: str) -> socket.socket:
    """A connection to the zygote, which may be just restarting."""
    give_up = time.monotonic() + CONNECT_S
    while True:
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            control.connect(address)
        except OSError as error:
            control.close()
            if time.monotonic() > give_up:
                raise SandboxError(f"no zygote answers at {address}: {error}") from None
            time.sleep(0.1)
        else:
            return control
