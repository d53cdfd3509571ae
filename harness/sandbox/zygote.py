"""Starts the zygote, the warmed process that candidates are forked from."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from harness.errors import SandboxError
from harness.sandbox.inside import confine
from harness.sandbox.tier import Tier

START_S = 120.0
TRIES = 3
KILLED = "it was killed while it warmed up"
# An unprivileged user that no account uses; a candidate of a root harness runs as it, or,
# without namespaces, as one of the users from here on.
SANDBOX_UID = 64123
# Where a tier with a root folder of its own shows the installed libraries.
LIBRARY = "/opt/python"
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

    Workers in other processes reach it through ``address``.
    """

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        # The name must not tell a candidate anything.
        with _in_place():
            self._folder = Path(tempfile.mkdtemp(prefix="py"))
        self._process: subprocess.Popen[bytes] | None = None
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
        app = self._folder / "app"
        try:
            with _in_place():
                shutil.copytree(
                    Path(__file__).parent / "inside",
                    app,
                    ignore=shutil.ignore_patterns("__pycache__"),
                )
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the process, or replace a dead one, and wait until it is warm.

        One that is killed before it is warm is started again. Raises ``SandboxError``.
        """
        for _ in range(TRIES):
            self._launch()
            problem = self._await_ready()
            if problem is None:
                return
            if problem != KILLED:
                break
        raise SandboxError(
            f"the sandbox (tier {self.tier.name}) did not start: {problem}. "
            "`harness doctor` shows what this machine offers."
        )

    def _launch(self) -> None:
        self._end()
        address = Path(self.address)
        with _in_place(), socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            address.unlink(missing_ok=True)
            listener.bind(str(address))
            listener.listen(64)
            with self._errors.open("wb") as errors:
                self._process = subprocess.Popen(
                    [
                        sys.executable,
                        "-I",
                        "-S",
                        "-B",
                        str(self._folder / "app"),
                        str(listener.fileno()),
                    ],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    pass_fds=[listener.fileno()],
                    # A Ctrl-C at the terminal is for the driver, which then ends this.
                    start_new_session=True,
                    cwd="/",
                    env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "CUDA_VISIBLE_DEVICES": ""},
                )
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(self._settings()).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it died at once; its last words say why

    def _await_ready(self) -> str | None:
        """``None`` once it is warm, else why it will not be."""
        assert self._process is not None
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_S)
        line = self._process.stdout.readline() if ready else b""
        if line.startswith(b'{"ready"'):
            self.pace = float(json.loads(line)["pace"])
            return None
        self._process.kill()
        self._process.wait()
        words = self._errors.read_text(errors="replace").strip().splitlines()
        if words:
            return words[-1]
        return KILLED if ready else f"no answer within {START_S:.0f} s"

    def alive(self) -> bool:
        """Whether the process is still running."""
        return self._process is not None and self._process.poll() is None

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
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):  # it died before it had read all
                        pipe.close()
            self._process = None

    def _settings(self) -> dict[str, object]:
        namespaces = "namespaces" in self.tier.layers
        libraries = list(dict.fromkeys(sysconfig.get_paths()[k] for k in ("purelib", "platlib")))
        standard = [
            sysconfig.get_paths()["stdlib"],
            str(Path(sysconfig.get_paths()["stdlib"]) / "lib-dynload"),
        ]
        links = {p: str(Path(p).readlink()) for p in SYSTEM if Path(p).is_symlink()}
        binds = {p: p for p in SYSTEM if Path(p).exists() and p not in links}
        binds[sys.base_prefix] = sys.base_prefix
        app = str(self._folder / "app")
        shown = libraries
        if namespaces:
            shown = [f"{LIBRARY}/{number}" for number in range(len(libraries))]
            binds |= dict(zip(shown, libraries, strict=True))
            binds[app] = app
        readable = [*SYSTEM, *standard, sys.base_prefix, *(f"/dev/{d}" for d in ("null", "zero"))]
        readable += ["/dev/urandom", "/dev/random", *self._visible(shown, libraries)]
        return {
            "layers": {
                name: name in self.tier.layers for name in ("namespaces", "landlock", "seccomp")
            },
            "root": {
                "binds": binds,
                "links": links,
                "hidden": [f"{folder}/harness" for folder in shown],
            },
            "readable": readable,
            "import_path": [*standard, *shown],
            "scratch": confine.SCRATCH if namespaces else self._scratch(),
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
