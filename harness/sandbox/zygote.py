"""Starts the zygote, the warmed process that candidates are forked from."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.errors import SandboxError
from harness.sandbox.ancestor import KILLED, START_S, Ancestor, Child, ForkError, tell
from harness.sandbox.inside import confine
from harness.sandbox.tier import Tier

TRIES = 3
# An unprivileged user that no account uses; a candidate of a root harness runs as it, or,
# without namespaces, as one of the users from here on.
SANDBOX_UID = 64123
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/ld.so.cache")


@contextlib.contextmanager
def _in_place() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # A failed copy tells of every file.
        what = error.args[0][0][2] if isinstance(error, shutil.Error) else error
        raise SandboxError(
            f"the sandbox cannot be set up: {what}. See that the folder for temporary files may "
            "be written to, has room and a short name, or set TMPDIR to another one; grades in "
            "the ledger are kept."
        ) from error


class Zygote:
    """A running zygote; a context manager that ends it and every candidate.

    Workers in other processes reach it through ``address``. It is forked from a process that
    imports torch, as other processes can be, through ``call``. ``for_many`` says that so many
    candidates are to come that preparing longer for them pays.
    """

    def __init__(self, tier: Tier, *, for_many: bool = False) -> None:
        self.tier = tier
        self.for_many = for_many
        # The name must not tell a candidate anything.
        with _in_place():
            self._folder = Path(tempfile.mkdtemp(prefix="py"))
        self._ancestor: Ancestor | None = None
        self._process: Child | None = None
        # Our end of its lifeline, and whether it has yet to say that it is ready.
        self._lifeline: socket.socket | None = None
        self._awaited = False
        self._errors = self._folder / "stderr"
        # How many times slower than the nominal machine this one is, at least 1.
        self.pace = 1.0

    @property
    def address(self) -> str:
        """Path of the socket that workers connect to."""
        return str(self._folder / "socket")

    @property
    def pid(self) -> int:
        """Process id of the outermost process."""
        assert self._process is not None
        return self._process.pid

    @property
    def forking_pid(self) -> int:
        """Process id of the one that candidates are forked from; ``OSError`` where it is dead."""
        if "namespaces" not in self.tier.layers:
            return self.pid
        # The outermost process only waits for it.
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        if not children:
            raise ProcessLookupError("the zygote has ended")
        return int(children[0])

    def __enter__(self) -> Zygote:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self) -> None:
        """Let torch be imported, without waiting for it."""
        self._running_ancestor()

    def _running_ancestor(self) -> Ancestor:
        if self._ancestor is not None and not self._ancestor.alive():
            self._end()
            self._ancestor.close()
            self._ancestor = None
        if self._ancestor is None:
            with _in_place():
                self._prepare()
                self._ancestor = Ancestor(
                    self._folder / "app",
                    self._errors,
                    {
                        "import_path": [*_standard(), *self._shown()],
                        "scratch": self._scratch(),
                        "huge_pages": self.for_many,
                    },
                )
        return self._ancestor

    def _prepare(self) -> None:
        app = self._folder / "app"
        if app.exists():
            return
        inside = Path(__file__).parent / "inside"
        shutil.copytree(inside, app, ignore=shutil.ignore_patterns("__pycache__"))
        if self._private_root:
            # Libraries have the same path out here, where they are imported, as in there.
            for shown, folder in zip(self._shown(), _libraries(), strict=True):
                Path(shown).parent.mkdir(exist_ok=True)
                Path(shown).symlink_to(folder)

    def launch(self) -> None:
        """Fork the process, or replace it, without waiting until it serves.

        Raises ``SandboxError`` where what it is forked from could not be started.
        """
        for attempt in range(TRIES):
            try:
                self._launch()
            except ForkError as error:
                problem = self._problem(str(error))
                if problem != KILLED or attempt == TRIES - 1:
                    raise self._not_started(problem) from None
            else:
                return

    def start(self) -> None:
        """Start the process, or replace it, and wait until it serves; one just launched serves.

        One that is killed before it is ready is started again. Raises ``SandboxError``.
        """
        problem = KILLED
        for _ in range(TRIES):
            if not self._awaited:
                self.launch()
            found = self._await_ready()
            if found is None:
                return
            problem = found
            if problem != KILLED:
                break
        raise self._not_started(problem)

    def _not_started(self, problem: str) -> SandboxError:
        return SandboxError(
            f"the sandbox (tier {self.tier.name}) did not start: {problem}. "
            "`harness doctor` shows what this machine offers."
        )

    def _launch(self) -> None:
        ancestor = self._running_ancestor()
        self._end()
        address = Path(self.address)
        with _in_place(), socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            address.unlink(missing_ok=True)
            listener.bind(str(address))
            listener.listen(64)
            self._lifeline, theirs = socket.socketpair()
            with theirs:
                self._process = ancestor.fork("zygote", [theirs.fileno(), listener.fileno()])
        tell(self._lifeline, self._settings())
        self._awaited = True

    def _await_ready(self) -> str | None:
        """``None`` once it serves, else why it will not."""
        assert self._lifeline is not None
        assert self._process is not None
        self._awaited = False
        self._lifeline.settimeout(START_S)
        try:
            line = self._lifeline.recv(1024)
        except TimeoutError:
            return self._problem(f"no answer within {START_S:.0f} s")
        except ConnectionError:
            line = b""
        if line.startswith(b'{"ready"'):
            self.pace = float(json.loads(line)["pace"])
            return None
        return self._problem(KILLED)

    def _problem(self, otherwise: str) -> str:
        """The last words of what did not start."""
        self._end()
        words = self._errors.read_text(errors="replace").strip().splitlines()
        self._errors.write_text("")
        return words[-1] if words else otherwise

    def call(
        self, module: str, function: str, arguments: Mapping[str, object]
    ) -> tuple[Child, socket.socket]:
        """See ``Forker.call``; the child is forked from the process that has imported torch."""
        return self._running_ancestor().call(module, function, arguments)

    def alive(self) -> bool:
        """Whether the process is still running."""
        return (
            self._ancestor is not None
            and self._ancestor.alive()
            and self._process is not None
            and self._process.alive()
        )

    def memory_bytes(self) -> int:
        """Resident memory of the process that candidates are forked from; 0 where it is dead."""
        try:
            pages = int(Path(f"/proc/{self.forking_pid}/statm").read_text().split()[1])
        except (OSError, ValueError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        """End the process, with it every candidate, and remove its folder."""
        self._end()
        if self._ancestor is not None:
            self._ancestor.close()
            self._ancestor = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self) -> None:
        self._awaited = False
        if self._lifeline is not None:
            self._lifeline.close()
            self._lifeline = None
        if self._process is not None:
            self._process.close()
            self._process = None

    @property
    def _private_root(self) -> bool:
        return "namespaces" in self.tier.layers

    def _shown(self) -> list[str]:
        """Where a candidate sees the installed libraries."""
        if not self._private_root:
            return _libraries()
        return [str(self._folder / "lib" / str(number)) for number in range(len(_libraries()))]

    def _settings(self) -> dict[str, object]:
        shown = self._shown()
        links = {p: str(Path(p).readlink()) for p in SYSTEM if Path(p).is_symlink()}
        binds = {p: p for p in SYSTEM if Path(p).exists() and p not in links}
        binds[sys.base_prefix] = sys.base_prefix
        if self._private_root:
            binds |= dict(zip(shown, _libraries(), strict=True))
            app = str(self._folder / "app")
            binds[app] = app
        devices = ("null", "zero", "urandom", "random")
        readable = [*SYSTEM, *_standard(), sys.base_prefix, *(f"/dev/{d}" for d in devices)]
        return {
            "layers": {
                name: name in self.tier.layers for name in ("namespaces", "landlock", "seccomp")
            },
            "root": {
                "binds": binds,
                "links": links,
                "hidden": [f"{folder}/harness" for folder in shown],
            },
            "readable": [*readable, *self._visible(shown, _libraries())],
            "scratch": confine.SCRATCH if self._private_root else self._scratch(),
            "sandbox_uid": SANDBOX_UID if os.getuid() == 0 else 0,
            "private_interpreter": not self._is_public(Path(sys.base_prefix)),
        }

    def _scratch(self) -> str:
        folder = self._folder / "scratch"
        folder.mkdir(exist_ok=True)
        return str(folder)

    @staticmethod
    def _visible(shown: list[str], libraries: list[str]) -> list[str]:
        """What of the libraries may be read: everything but this project itself."""
        return [
            f"{folder}/{entry.name}"
            for folder, source in zip(shown, libraries, strict=True)
            for entry in sorted(Path(source).iterdir())
            if "harness" not in entry.name
        ]

    @staticmethod
    def _is_public(path: Path) -> bool:
        """Whether every user can read what lies there; under a 0700 home it is not."""
        path = path.resolve()
        return all(parent.stat().st_mode & 0o005 == 0o005 for parent in [path, *path.parents])


def _libraries() -> list[str]:
    """Folders of the installed packages, in the order in which they are looked into.

    Those of the environment, and others that it may borrow from: the system's, the user's.
    """
    own = [sysconfig.get_paths()[kind] for kind in ("purelib", "platlib")]
    borrowed = (path for path in sys.path if Path(path).name in ("site-packages", "dist-packages"))
    return [path for path in dict.fromkeys([*own, *borrowed]) if Path(path).is_dir()]


def _standard() -> list[str]:
    """Folders of Python's own modules."""
    folder = sysconfig.get_paths()["stdlib"]
    return [folder, str(Path(folder) / "lib-dynload")]
