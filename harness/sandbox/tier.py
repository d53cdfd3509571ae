"""Finds out what this machine allows by doing it, in a forked child."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import SandboxError, UsageError


@dataclass(frozen=True)
class Tier:
    """A set of mechanisms that are put in force together."""

    # ``A`` to ``D``.
    name: str
    # Mechanisms, strongest first.
    layers: tuple[str, ...]

    @property
    def confines(self) -> bool:
        """Whether untrusted code may run under it without being asked for by name."""
        return "landlock" in self.layers


TIERS = {
    "A": Tier("A", ("namespaces", "landlock", "seccomp", "rlimits", "deadline")),
    "B": Tier("B", ("landlock", "seccomp", "rlimits", "deadline")),
    "C": Tier("C", ("seccomp", "rlimits", "deadline")),
    "D": Tier("D", ("rlimits", "deadline")),
}


@dataclass(frozen=True)
class Probe:
    """What was found, mechanism by mechanism."""

    # Mechanism -> ``None`` where it works, else what the kernel answered.
    problems: dict[str, str | None]

    @property
    def tier(self) -> Tier:
        """The strongest tier all of whose mechanisms work."""
        for tier in TIERS.values():
            if all(self.problems.get(layer) is None for layer in tier.layers):
                return tier
        raise AssertionError("tier D needs nothing")


def probe() -> Probe:
    """Try each mechanism in a child of its own."""
    if sys.platform != "linux":
        reason = f"needs Linux, this is {platform.system()}"
        return Probe(dict.fromkeys(("namespaces", "landlock", "seccomp"), reason))
    return Probe(
        {
            "namespaces": _tried(_try_namespaces),
            "landlock": _tried(_try_landlock),
            "seccomp": _tried(_try_seccomp),
        }
    )


def choose(
    *, at_most: str | None = None, allow_unsandboxed: bool = False, found: Probe | None = None
) -> Tier:
    """The tier to run under; refuses what does not confine unless told otherwise.

    ``at_most`` names the strongest tier to use, for tests and for machines where
    a mechanism works but is not wanted. ``found`` is what another machine offers.
    """
    who = "this machine offers" if found is None else "the nodes of the cluster offer"
    found = found or probe()
    tier = found.tier
    if at_most is not None:
        if at_most not in TIERS:
            raise UsageError(
                f"unknown sandbox tier {at_most!r}; expected one of {', '.join(TIERS)}"
            )
        tier = TIERS[max(at_most, tier.name)]
    if sys.platform != "linux":
        raise SandboxError("the sandbox needs Linux; run harness in a Linux container or VM")
    if not tier.confines and not allow_unsandboxed:
        lacking = "; ".join(f"{name}: {why}" for name, why in found.problems.items() if why)
        raise SandboxError(
            f"{who} only sandbox tier {tier.name} ({lacking or 'as asked'}), which "
            "does not keep untrusted code from reading your files. Run on a kernel with Landlock "
            "(5.13 or newer), or pass --allow-unsandboxed if you trust every submission."
        )
    return tier


def _tried(attempt: Callable[[], None]) -> str | None:
    """``None`` where ``attempt`` works in a child, else the error in words."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        # The child must not return into the caller, whatever happens.
        try:
            attempt()
        except BaseException as error:
            os.write(writer, _words(error).encode()[:300])
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        problem = file.read().decode(errors="replace")
    os.waitpid(pid, 0)
    return problem or None


def _words(error: BaseException) -> str:
    """An error with the name of its errno, which manuals and search engines know."""
    if isinstance(error, OSError) and error.errno is not None:
        return f"{errno.errorcode.get(error.errno, error.errno)}: {error.strerror}"
    return str(error) or type(error).__name__


def _try_namespaces() -> None:
    from harness.sandbox.inside import linux

    uid, gid = os.getuid(), os.getgid()
    linux.unshare(
        linux.CLONE_NEWUSER
        | linux.CLONE_NEWNS
        | linux.CLONE_NEWPID
        | linux.CLONE_NEWNET
        | linux.CLONE_NEWIPC
        | linux.CLONE_NEWUTS
    )
    linux.map_identity(uid, gid)
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("tmpfs", "/tmp", "tmpfs", 0, "size=1m")
    pid = os.fork()
    if pid == 0:
        try:
            linux.mount("proc", "/proc", "proc")
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        raise OSError(status, f"mount /proc in a pid namespace: {os.strerror(status)}")


def _try_landlock() -> None:
    from harness.sandbox.inside import landlock, linux

    if landlock.abi() < 1:
        raise OSError(ctypes.get_errno(), "landlock_create_ruleset")
    linux.no_new_privileges()
    landlock.restrict(landlock.ruleset(["/usr"], []))


def _try_seccomp() -> None:
    from harness.sandbox.inside import linux, seccomp

    if linux.machine() not in seccomp.AUDIT_ARCH:
        raise OSError(f"no system call table for {linux.machine()}")
    linux.no_new_privileges()
    seccomp.install(seccomp.program())
