"""Kernel interfaces that Python 3.11 does not offer, through ctypes."""

import contextlib
import ctypes
import json
import os
import platform
import resource
import socket
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_CAPBSET_DROP = 1, 4, 8, 24
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
LAST_CAPABILITY = 63
CAP_DAC_READ_SEARCH = 2

# Numbers of the calls that libc has no wrapper for.
SYSCALLS = {
    "x86_64": {"pivot_root": 155, "seccomp": 317},
    "aarch64": {"pivot_root": 41, "seccomp": 277},
}
MADV_COLLAPSE, HUGE_BYTES = 25, 2 << 20
M_MMAP_THRESHOLD, LARGE_BYTES = -3, 256 << 10
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446  # alike everywhere


def machine() -> str:
    """Architecture as the kernel names it."""
    return platform.machine()


def check(result: int, what: str) -> int:
    """``result``, or the ``OSError`` that errno describes."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(name: str, *arguments: object) -> int:
    """A raw system call by name."""
    return check(LIBC.syscall(SYSCALLS[machine()][name], *arguments), name)


def unshare(flags: int) -> None:
    check(LIBC.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    check(LIBC.setns(fd, kind), "setns")


def prctl(option: int, *arguments: int) -> int:
    padded = [*arguments, 0, 0, 0, 0][:4]
    return int(LIBC.prctl(option, *(ctypes.c_ulong(value) for value in padded)))


def mount(
    source: str | None, target: str, kind: str | None, flags: int = 0, data: str | None = None
) -> None:
    result = LIBC.mount(
        source.encode() if source else None,
        target.encode(),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        data.encode() if data else None,
    )
    check(result, f"mount {target}")


def unmount(target: str) -> None:
    check(LIBC.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def pivot_into(root: str) -> None:
    """Make ``root`` the root folder and let go of the old one."""
    os.chdir(root)
    syscall("pivot_root", b".", b".")
    unmount(".")
    os.chdir("/")


def map_identity(uid: int, gid: int) -> None:
    """Map ``uid`` and ``gid`` to themselves in a fresh user namespace."""
    with contextlib.suppress(FileNotFoundError):
        _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


class _CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapData(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]


def drop_capabilities(keep: int | None = None) -> None:
    """Empty every capability set, the bounding set included, but for ``keep``."""
    for capability in range(LAST_CAPABILITY + 1):
        prctl(PR_CAPBSET_DROP, capability)  # EINVAL past the kernel's last one is expected
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    set_capabilities(keep)


def set_capabilities(keep: int | None) -> None:
    """Hold the capability ``keep`` (one of the first 32) and no other."""
    header, sets = _CapHeader(0x20080522, 0), (_CapData * 2)()
    if keep is not None:
        sets[0].effective = sets[0].permitted = 1 << keep
    check(LIBC.capset(ctypes.byref(header), ctypes.byref(sets)), "capset")


def become(uid: int, keep: int | None = None) -> None:
    """Give up root for the user and group ``uid``, but for the capability ``keep``."""
    for capability in range(LAST_CAPABILITY + 1):
        prctl(PR_CAPBSET_DROP, capability)
    prctl(PR_SET_KEEPCAPS, 1)
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        set_capabilities(keep)
    except PermissionError:  # a root that is none, as in a container without capabilities
        set_capabilities(None)


def call_itself(name: str) -> None:
    """Have the kernel show this process as ``name``, of which it keeps 15 characters."""
    _write("/proc/self/comm", name)


def die_first() -> None:
    """Ask the kernel to end this process before any other where memory runs out."""
    with contextlib.suppress(OSError):
        _write("/proc/self/oom_score_adj", "1000")


def no_new_privileges() -> None:
    check(prctl(PR_SET_NO_NEW_PRIVS, 1), "no_new_privs")


def address_space_bytes() -> int:
    """Size of this process's address space."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def limit(kind: int, value: int) -> None:
    """Set the soft and the hard limit ``kind`` to at most ``value``."""
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def collapse() -> None:
    """Move this process's own memory to huge pages, where the kernel can (6.1 and newer).

    A fork copies a table entry per page, of which there are five hundred times fewer then; what
    a child writes to is still copied in small pages.
    """
    with open("/proc/self/maps") as file:
        for line in file:
            span, mode, *_, name = f"{line.rstrip()} .".split()[:6]
            if not mode.startswith("rw-p") or name not in ("[heap]", "."):
                continue
            first, end = (int(address, 16) for address in span.split("-"))
            first, end = -(-first // HUGE_BYTES) * HUGE_BYTES, end // HUGE_BYTES * HUGE_BYTES
            if first < end:
                # Best effort: an older kernel, or no memory in one piece, leaves it as it is.
                LIBC.madvise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), MADV_COLLAPSE)


def trim() -> None:
    """Give memory that is free, but lies between what is in use, back to the kernel."""
    getattr(LIBC, "malloc_trim", int)(0)  # glibc only


def map_each() -> None:
    """Have ``malloc`` take large pieces from the kernel one by one and give each back when freed.

    Otherwise a small piece that is kept may lie where a large one was, which then takes new memory.
    """
    getattr(LIBC, "mallopt", lambda *_: None)(M_MMAP_THRESHOLD, LARGE_BYTES)  # glibc only


class _Mallinfo(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def allocated_bytes() -> int:
    """Bytes that ``malloc`` has given out and not got back; 0 where the C library does not say."""
    if not hasattr(LIBC, "mallinfo2"):  # glibc 2.33 and later
        return 0
    LIBC.mallinfo2.restype = _Mallinfo
    told = LIBC.mallinfo2()
    return int(told.uordblks + told.hblkhd)


def received(stream: socket.socket) -> dict[str, Any]:
    """One message between our own processes: its length in four bytes, then JSON."""
    size = int.from_bytes(stream.recv(4, socket.MSG_WAITALL))
    return dict(json.loads(stream.recv(size, socket.MSG_WAITALL)))
