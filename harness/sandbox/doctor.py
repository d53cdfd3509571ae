"""What this machine offers for the sandbox, and what to do about what it does not."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from harness.model import Limits
from harness.sandbox.inside import landlock
from harness.sandbox.session import Session
from harness.sandbox.tier import Probe, Tier
from harness.sandbox.zygote import Zygote

# (Mechanism, errno name) -> what to do; "" stands for any other answer of the kernel.
ADVICE = {
    ("namespaces", "EPERM"): (
        "User namespaces are forbidden to this user. As root: `sysctl -w "
        "kernel.apparmor_restrict_unprivileged_userns=0` (Ubuntu 23.10 and newer) or `sysctl -w "
        "kernel.unprivileged_userns_clone=1` (older Debian). In Docker: `--security-opt "
        "seccomp=unconfined --security-opt apparmor=unconfined`."
    ),
    ("namespaces", "EACCES"): (
        "A security module forbids what was tried. As root: `sysctl -w "
        "kernel.apparmor_restrict_unprivileged_userns=0`; in Docker: `--security-opt "
        "apparmor=unconfined`."
    ),
    ("namespaces", "ENOSPC"): (
        "No more user namespaces are allowed here. As root: `sysctl -w "
        "user.max_user_namespaces=15000`."
    ),
    ("namespaces", "EUSERS"): "User namespaces are nested too deeply; run nearer to the host.",
    ("namespaces", ""): "Use a kernel built with CONFIG_USER_NS and CONFIG_PID_NS.",
    ("landlock", "ENOSYS"): (
        "The kernel has no Landlock: use 5.13 or newer, built with CONFIG_SECURITY_LANDLOCK. In a "
        "container a filter may answer for the kernel: update the container runtime."
    ),
    ("landlock", "EOPNOTSUPP"): (
        "Landlock is built in but not switched on: add `landlock` to `lsm=` on the kernel's "
        "command line (/sys/kernel/security/lsm shows what is on) and start the machine again."
    ),
    ("landlock", ""): (
        "In a container a filter may forbid Landlock: allow landlock_create_ruleset, "
        "landlock_add_rule and landlock_restrict_self."
    ),
    ("seccomp", ""): (
        "Use a kernel built with CONFIG_SECCOMP_FILTER, on x86_64 or aarch64; gVisor and WSL 1 "
        "have none."
    ),
}


@dataclass(frozen=True)
class LayerSign:
    """One line of the examination."""

    # ``None`` for what is neither good nor bad.
    good: bool | None
    about: str
    found: str
    # What to do where it is not good.
    advice: str = ""


def examine(probe: Probe) -> Iterator[LayerSign]:
    """What each layer says; the last signs come from a candidate that is really run."""
    yield LayerSign(
        None, "kernel", f"{platform.release()} {platform.machine()}, user {os.getuid()}"
    )
    for layer, problem in probe.problems.items():
        if problem is not None:
            yield LayerSign(False, layer, problem, advice(layer, problem))
        else:
            yield LayerSign(True, layer, _detail(layer))
    yield LayerSign(True, "rlimits", "address space, processor time, files, processes")
    yield LayerSign(True, "deadline", "kept outside the candidate's process")
    yield from _trial(probe.tier)


def advice(layer: str, problem: str) -> str:
    """What to do about ``problem``, which begins with the name of an errno if it has one."""
    name = problem.partition(":")[0]
    return ADVICE.get((layer, name)) or ADVICE.get((layer, ""), "")


def _detail(layer: str) -> str:
    if layer != "landlock":
        return "works"
    version = landlock.abi()
    lacking = {
        landlock.KNOWS_TRUNCATION: "truncation",
        4: "TCP",
        landlock.SCOPES_SIGNALS: "signals",
    }
    missing = [name for since, name in lacking.items() if version < since]
    rest = f"; {', '.join(missing)} left to seccomp" if missing else ""
    return f"version {version}{rest}"


def _trial(tier: Tier) -> Iterator[LayerSign]:
    started = time.perf_counter()
    with Zygote(tier) as zygote:
        warm_s = time.perf_counter() - started
        started = time.perf_counter()
        with Session(zygote.address, Limits()) as session:
            load = {"do": "load", "source": "def f(x): return x * x", "modules": {}}
            session.request({**load, "entry_points": {"f": 1}})
            call = {"fn": "f", "ask": "forward", "args": [{"t": 0}], "cotangents": []}
            x = torch.tensor([3.0])
            ask = {"do": "ask", "calls": [call], "counts": [1]}
            _, parts = session.request(ask, [x], reply_bytes=64)
        spent_ms = 1e3 * (time.perf_counter() - started)
    if any(part.tolist() == [9.0] for part in parts):
        found = f"starts, computes and ends in {spent_ms:.0f} ms, after {warm_s:.1f} s to warm up"
        yield LayerSign(True, "candidate", found)
    else:
        found = f"computes {[part.tolist() for part in parts]} for 3 · 3"
        yield LayerSign(False, "candidate", found, "The installation of torch is broken.")
    stretched = "as given" if zygote.pace <= 1.0 else f"times {zygote.pace:.1f}: a slow machine"
    yield LayerSign(None, "time limits", stretched)
