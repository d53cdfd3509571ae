"""The order in which a process gives up its rights; each step needs the ones before it."""

import os
import resource
import signal
from dataclasses import dataclass

from . import landlock, linux, seccomp

# Folder that a candidate may write to, where the tier offers one.
SCRATCH = "/work"
# Too small to keep there what a check of memory looks for (``saved_memory``), even packed.
SCRATCH_OPTIONS = "size=4m,nr_inodes=1k,mode=700"
DEVICES = ("null", "zero", "urandom", "random")


@dataclass(frozen=True)
class Layers:
    """Mechanisms to put in force."""

    namespaces: bool
    landlock: bool
    seccomp: bool


@dataclass(frozen=True)
class Grant:
    """What one candidate may use."""

    cpu_s: int
    memory_bytes: int


@dataclass(frozen=True)
class User:
    """Whom a candidate runs as, where there is no namespace but a root to give up."""

    uid: int
    # Whether the interpreter lies where only root may read it.
    reads_as_root: bool


@dataclass(frozen=True)
class Root:
    """The root folder a candidate sees."""

    # Path in the new root -> path that it shows, read-only.
    binds: dict[str, str]
    # Symbolic links in the new root -> their targets.
    links: dict[str, str]
    # Folders covered by an empty one.
    hidden: list[str]


def enter_private_world(root: Root, sandbox_uid: int) -> int:
    """Move this process into namespaces of its own, with ``root`` as its root folder.

    Returns the pid of the child that is PID 1 of the new pid namespace, 0 in
    that child. The caller, root or not, must be single-threaded.
    """
    uid, gid = os.getuid(), os.getgid()
    everything = (
        linux.CLONE_NEWUSER
        | linux.CLONE_NEWNS
        | linux.CLONE_NEWPID
        | linux.CLONE_NEWNET
        | linux.CLONE_NEWIPC
        | linux.CLONE_NEWUTS
        | linux.CLONE_NEWCGROUP
    )
    if uid == 0:
        # As root the interpreter may live under a 0700 home: mount it while we still can.
        linux.unshare(linux.CLONE_NEWNS)
        _build_root(root)
        uid = gid = sandbox_uid
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        # Giving up root made our /proc files root's: without this the maps cannot be written.
        linux.prctl(linux.PR_SET_DUMPABLE, 1)
        linux.unshare(everything)
        linux.map_identity(uid, gid)
    else:
        linux.unshare(everything)
        linux.map_identity(uid, gid)
        _build_root(root)
    child = os.fork()
    if child == 0:
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
        _remount_read_only("/")
        linux.mount("tmpfs", SCRATCH, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, SCRATCH_OPTIONS)
    return child


def _build_root(root: Root) -> None:
    base = "/tmp"  # exists everywhere; in this mount namespace nobody else is looking
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    # Held open, because the mount on /tmp may cover some of them.
    sources = {target: os.open(source, os.O_PATH) for target, source in root.binds.items()}
    devices = {name: os.open(f"/dev/{name}", os.O_PATH) for name in DEVICES}
    proc = os.open("/proc", os.O_PATH)
    linux.mount("tmpfs", base, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=1m,mode=755")
    for target, fd in sources.items():
        place = base + target
        if os.path.isdir(f"/proc/self/fd/{fd}"):
            os.makedirs(place, mode=0o755, exist_ok=True)
        else:
            _touch(place)
        linux.mount(f"/proc/self/fd/{fd}", place, None, linux.MS_BIND)
        _remount_read_only(place)
    for folder in ("proc", "dev", "tmp", SCRATCH.lstrip("/")):
        os.makedirs(f"{base}/{folder}", mode=0o755, exist_ok=True)
    for name, fd in devices.items():
        _touch(f"{base}/dev/{name}")
        linux.mount(f"/proc/self/fd/{fd}", f"{base}/dev/{name}", None, linux.MS_BIND)
    # A user namespace may mount a fresh proc only while it sees a whole one.
    linux.mount(f"/proc/self/fd/{proc}", f"{base}/proc", None, linux.MS_BIND | linux.MS_REC)
    for fd in [*sources.values(), *devices.values(), proc]:
        os.close(fd)
    for path in root.hidden:
        if os.path.isdir(base + path):
            linux.mount("tmpfs", base + path, "tmpfs", linux.MS_RDONLY, "size=4k,mode=555")
    for link, destination in root.links.items():
        os.makedirs(os.path.dirname(base + link), mode=0o755, exist_ok=True)
        os.symlink(destination, base + link)
    linux.pivot_into(base)


def _remount_read_only(path: str) -> None:
    flags = linux.MS_BIND | linux.MS_REMOUNT | linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV
    linux.mount(None, path, None, flags)


def _touch(path: str) -> None:
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))


def confine_candidate(
    layers: Layers,
    grant: Grant,
    readable: list[str],
    ruleset_fd: int | None,
    user: User | None,
) -> None:
    """Take every right from a freshly forked candidate; there is no way back."""
    linux.die_first()
    address_space = linux.address_space_bytes() + grant.memory_bytes
    linux.limit(resource.RLIMIT_AS, address_space)
    linux.limit(resource.RLIMIT_CPU, grant.cpu_s)
    linux.limit(resource.RLIMIT_FSIZE, 64 << 20)
    linux.limit(resource.RLIMIT_NOFILE, 64)
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_MEMLOCK, resource.RLIMIT_MSGQUEUE):
        linux.limit(kind, 0)
    if layers.namespaces:
        uid, gid = os.getuid(), os.getgid()
        linux.unshare(
            linux.CLONE_NEWUSER | linux.CLONE_NEWNS | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS
        )
        linux.map_identity(uid, gid)
        quiet = linux.MS_NOSUID | linux.MS_NODEV
        linux.mount("tmpfs", SCRATCH, "tmpfs", quiet, SCRATCH_OPTIONS)
        linux.mount("tmpfs", "/proc", "tmpfs", quiet | linux.MS_RDONLY, "size=4k")
        os.chdir(SCRATCH)
        os.environ.update(HOME=SCRATCH, TMPDIR=SCRATCH)
    # Counted per user and user namespace, so only after the namespace is there.
    linux.limit(resource.RLIMIT_NPROC, 16)
    if layers.namespaces:
        linux.drop_capabilities()
    elif user is not None:
        linux.become(user.uid, linux.CAP_DAC_READ_SEARCH if user.reads_as_root else None)
    # No core dump, which a pipe as core_pattern takes whatever the limit says, and no tracing.
    linux.prctl(linux.PR_SET_DUMPABLE, 0)
    if layers.landlock or layers.seccomp:
        linux.no_new_privileges()
    if layers.landlock:
        if ruleset_fd is None:
            ruleset_fd = landlock.ruleset(readable, [SCRATCH, "/dev/null"])
        landlock.restrict(ruleset_fd)
        os.close(ruleset_fd)
    if layers.seccomp:
        seccomp.install(program(layers))


def program(layers: Layers) -> bytes:
    """The filter that goes with these layers, for the calling process."""
    version = landlock.abi() if layers.landlock else 0
    alone = layers.namespaces or version >= landlock.SCOPES_SIGNALS
    return seccomp.program(
        own_pid=None if alone else os.getpid(),
        has_folder=layers.namespaces,
        denied_open=_denied_open(layers, version),
    )


def _denied_open(layers: Layers, version: int) -> int:
    """Flags of ``open`` that neither a private root nor this version of Landlock minds."""
    if layers.namespaces or version >= landlock.KNOWS_TRUNCATION:
        return 0
    return os.O_TRUNC if version else os.O_TRUNC | os.O_WRONLY | os.O_RDWR | os.O_CREAT
