"""A conversation with one candidate, seen from the trusted side."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch

from harness.errors import SandboxError
from harness.model import Limits
from harness.sandbox.ancestor import readable
from harness.sandbox.inside import wire
from harness.sandbox.reply import UnfitError, tamed

HEADER_BYTES = 4 << 20
# What a reply may hold beyond the tensors that were asked for.
BODY_SLACK_BYTES = 1 << 20
# How much an answer may hold, beside so many times the size of its question.
REPLY_BYTES = 16 << 20
GROWTH = 64
# What the socket is asked to hold while the process at its other end does not read.
BUFFER_BYTES = 1 << 20
CONNECT_S = 60.0
GONE_S = 5.0
# What the kernel's account of CPU time in ticks may be ahead by.
TICK_S = 0.02
LEAST_GRANT_S = 0.01
# Waiting for a processor is forgiven up to so many times the limit itself.
MOST_WAITED = 10.0
# Words of code that is likely to use what the zygote imports only when it is needed.
NEEDS = {
    "testing": re.compile(r"assert_close|\btesting\b"),
    "compiler": re.compile(
        r"\boptim|checkpoint|functorch|\bfunc\.|import func\b|\bjac|hessian|compile|dynamo|"
        "DispatchMode"
    ),
    "pytest": re.compile(r"\bpytest\b|\bhypothesis\b|^class Test|^def test\w*\([^)]", re.M),
    "hypothesis": re.compile(r"\bhypothesis\b"),
}


class CandidateFault(Exception):
    """The candidate ended, hung or sent nonsense: a failure of the submission.

    ``str()`` says what happened in words for the submission's author.
    """


class Resident(NamedTuple):
    """Bytes of a process that are in memory now, and the most that ever were."""

    now: int
    most: int


class Session:
    """One candidate process; a context manager that ends it.

    ``limits.wall_s`` is shared by all questions and scaled by the zygote's
    calibration; time that the process spends waiting for a processor, as other
    work keeps them busy, does not count. ``code`` is what is to be run: what it names
    of torch is imported beforehand.
    Raises ``SandboxError`` where the sandbox itself failed, ``CandidateFault``
    where the candidate did.
    """

    def __init__(self, address: str, limits: Limits, code: str = "") -> None:
        self.limits = limits
        self._address, self._code = address, code
        # The message that loaded the code, if one did.
        self.loaded: Mapping[str, object] | None = None
        self._deadline = time.monotonic() + CONNECT_S
        # Seconds that the process had waited for a processor when the deadline was set, and
        # seconds added to the deadline because it waited since.
        self._waited_before_s = self._granted_s = 0.0
        self._pidfd = -1
        self._control = _connect(address)
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        # The kernel grants what it likes, and counts its own bookkeeping, too.
        self._ahead_bytes = ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 2
        self._candidate = ours
        try:
            self._control.settimeout(CONNECT_S)
            request = {
                "cpu_s": limits.cpu_s,
                "memory_bytes": limits.memory_bytes,
                "needs": _needs(code),
            }
            try:
                socket.send_fds(self._control, [json.dumps(request).encode()], [theirs.fileno()])
                message, fds, _, _ = socket.recv_fds(self._control, 4096, 1)
            except OSError as error:
                raise SandboxError(f"the zygote hung up: {error}") from None
            finally:
                # At once: only then does the end of the process end the conversation.
                theirs.close()
            if not message:
                raise SandboxError("the zygote hung up")
            if not fds:
                raise SandboxError(f"no candidate was started: {message.decode()}")
            self._pidfd = fds[0]
            self._await_ready()
        except BaseException:
            self.close()
            raise
        self._wall_s: float = limits.wall_s * json.loads(message)["pace"]
        # Of ``memory_bytes``, before any code of a candidate was there.
        self.fresh_bytes = self.memory_bytes()
        self.renew()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the candidate and let go of everything."""
        self._candidate.close()
        self._control.close()
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def another(self) -> Session:
        """A further process, in which the same code is loaded.

        Raises ``CandidateFault`` where it cannot be loaded there.
        """
        other = Session(self._address, self.limits, self._code)
        try:
            if self.loaded is not None:
                reply, _ = other.request(self.loaded)
                if "error" in reply:
                    raise CandidateFault("its code, loaded a second time, raises")
        except BaseException:
            other.close()
            raise
        return other

    def renew(self, within_s: float | None = None) -> None:
        """Give what follows all of ``limits.wall_s``, whatever was used up before.

        Or ``within_s`` seconds, where that is less.
        """
        self._waited_before_s = self._waited_s()
        self._granted_s = 0.0
        self._deadline = time.monotonic() + min(self._wall_s, within_s or self._wall_s)

    def _await_ready(self) -> None:
        """Wait until the process is confined; it has no code to run yet, so any fault is ours."""
        try:
            reply, _ = self.receive(0)
        except CandidateFault as fault:
            raise SandboxError(f"a candidate could not be confined: {fault}") from None
        if "ready" not in reply:
            raise SandboxError(f"a candidate could not be confined: {reply.get('setup_failed')}")

    @property
    def pid(self) -> int:
        """Process id of the candidate, as this process sees it."""
        with Path(f"/proc/self/fdinfo/{self._pidfd}").open() as file:
            fields = dict(line.split(":", 1) for line in file)
        pid = int(fields["Pid"])
        if pid <= 0:
            raise CandidateFault(self._why_gone())
        return pid

    def memory_bytes(self) -> int:
        """Memory of the candidate that is in no file, resident or swapped out.

        As the kernel counts it, with what it shares with the process it was forked from.
        """
        return sum(self._status("RssAnon", "RssShmem", "VmSwap"))

    def resident_bytes(self) -> Resident:
        """Memory of the candidate that is resident, files included, and the most there ever was."""
        now, most = self._status("VmRSS", "VmHWM")
        return Resident(now, max(now, most))

    def cpu_s(self) -> float:
        """CPU seconds that the process has used so far, as the kernel counts them."""
        try:
            folder = Path(f"/proc/{self.pid}")
            with (folder / "stat").open("rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            ticks_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError):
            raise CandidateFault(self._why_gone()) from None
        try:
            threads = [int(one.read_text().split()[0]) for one in folder.glob("task/*/schedstat")]
        except (OSError, ValueError, IndexError):
            return ticks_s  # not every kernel keeps this account
        # In nanoseconds, but of threads that live; the other one is coarse.
        return max(sum(threads) / 1e9, ticks_s - TICK_S)

    def _status(self, *names: str) -> list[int]:
        """What the kernel counts under these names, in bytes."""
        try:
            # A process may call itself by bytes that are no text.
            with Path(f"/proc/{self.pid}/status").open(errors="replace") as file:
                fields = dict(line.split(":", 1) for line in file)
            return [int(fields[name].split()[0]) << 10 for name in names]
        except (OSError, KeyError):  # gone, or a zombie, which has no memory
            raise CandidateFault(self._why_gone()) from None

    def request(
        self,
        header: Mapping[str, object],
        tensors: list[torch.Tensor] | None = None,
        *,
        reply_bytes: int = 0,
    ) -> tuple[dict[str, Any], list[torch.Tensor]]:
        """One question and its answer; ``reply_bytes`` bounds the tensors that come back."""
        self.send(wire.encode(header, tensors or []))
        return self.receive(reply_bytes)

    def exchange(
        self, frames: Iterator[bytes]
    ) -> Iterator[tuple[dict[str, Any], list[torch.Tensor]]]:
        """The answer to each of ``frames``; how large it may be follows from what was sent.

        The next one is on its way while an answer is worked out, unless it might fill the
        socket: then each side would wait for the other to read.
        """
        sent = next(frames, None)
        if sent is not None:
            self.send(sent)
        while sent is not None:
            following = next(frames, None)
            early = following is not None and len(following) <= self._ahead_bytes
            if following is not None and early:
                self.send(following)
            yield self.receive(REPLY_BYTES + GROWTH * len(sent))
            if following is not None and not early:
                self.send(following)
            sent = following

    def receive(self, reply_bytes: int) -> tuple[dict[str, Any], list[torch.Tensor]]:
        """The answer to what was sent; ``reply_bytes`` bounds its tensors."""
        head_bytes, body_bytes = wire.PREFIX.unpack(self._receive(wire.PREFIX.size))
        if head_bytes > HEADER_BYTES or body_bytes > reply_bytes + BODY_SLACK_BYTES:
            raise CandidateFault("the process sent more than it was asked for")
        head = self._receive(head_bytes)
        try:
            reply, results = wire.decode(bytes(head), self._receive(body_bytes))
            return tamed(reply), results
        except (wire.WireError, UnfitError) as error:
            raise CandidateFault(f"the process sent a malformed reply: {error}") from None

    def _remaining(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            left += self._grant()
        if left <= 0:
            raise CandidateFault(f"it took more than {self._wall_s:.3g} s")
        return left

    def _grant(self) -> float:
        """Move the deadline by the time the process waited for a processor, within bounds."""
        waited_s = self._waited_s() - self._waited_before_s
        due = min(waited_s, MOST_WAITED * self._wall_s) - self._granted_s
        if due < LEAST_GRANT_S:
            return 0.0
        self._granted_s += due
        self._deadline += due
        return due

    def _waited_s(self) -> float:
        try:
            with Path(f"/proc/{self.pid}/schedstat").open() as file:
                return int(file.read().split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return 0.0  # not every kernel keeps this account

    def send(self, data: bytes) -> None:
        """Put a frame to the process; ``receive`` gets its answer."""
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
        if not readable(self._control.fileno(), GONE_S):
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


def prepare(address: str, code: str) -> None:
    """Let the zygote import what a candidate with ``code`` is likely to use, without waiting.

    Nothing is raised: who starts the candidate is told what is wrong with the zygote.
    """
    needs = _needs(code)
    if needs:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
            control.connect(address)
            control.send(json.dumps({"needs": needs}).encode())


def _needs(code: str) -> list[str]:
    return [name for name, words in NEEDS.items() if words.search(code)]


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
