"""Landlock: which files a candidate may touch, whatever its user id."""

import os
import struct

from . import linux

# Since this version it sees a file that is truncated.
KNOWS_TRUNCATION = 3
# Since this one it keeps signals in.
SCOPES_SIGNALS = 6
READ = 1 << 0 | 1 << 2 | 1 << 3  # execute (to map libraries), read file, read folder
FILE_RIGHTS = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14
EXECUTE, MAKE_CHAR, MAKE_BLOCK, IOCTL_DEVICE = 1 << 0, 1 << 6, 1 << 11, 1 << 15


def abi() -> int:
    """Version of the Landlock interface, 0 where there is none."""
    return max(0, int(linux.LIBC.syscall(linux.LANDLOCK_CREATE, None, 0, 1)))


def ruleset(readable: list[str], writable: list[str]) -> int:
    """A descriptor of a ruleset that allows just these trees; also no TCP, no signals outward."""
    version = abi()
    handled = (1 << 13) - 1
    for since, bit in ((2, 13), (3, 14), (5, 15)):
        if version >= since:
            handled |= 1 << bit
    network = 3 if version >= 4 else 0
    scopes = 3 if version >= SCOPES_SIGNALS else 0
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = struct.pack("QQQ", handled, network, scopes)[:size]
    fd = linux.check(
        linux.LIBC.syscall(linux.LANDLOCK_CREATE, attributes, size, 0), "landlock_create_ruleset"
    )
    for path in readable:
        _allow(fd, path, READ)
    for path in writable:
        _allow(fd, path, handled & ~(EXECUTE | MAKE_CHAR | MAKE_BLOCK | IOCTL_DEVICE))
    return fd


def _allow(ruleset_fd: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError, NotADirectoryError):
        return  # what cannot be opened needs no right
    try:
        if not os.path.isdir(path):
            rights &= FILE_RIGHTS
        rule = struct.pack("=Qi", rights, fd)
        linux.check(linux.LIBC.syscall(linux.LANDLOCK_ADD, ruleset_fd, 1, rule, 0), path)
    finally:
        os.close(fd)


def restrict(ruleset_fd: int) -> None:
    """Confine this process for good; needs ``no_new_privs``."""
    linux.check(linux.LIBC.syscall(linux.LANDLOCK_RESTRICT, ruleset_fd, 0), "landlock_restrict")
