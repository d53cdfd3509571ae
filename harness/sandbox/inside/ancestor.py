"""The process that imports torch once; a zygote and graders are forked from it.

It listens on a socket to whoever started it. ``{"fork": "zygote"}`` or ``{"fork": "module"}``
comes with the descriptors that the child is to have, and is answered by ``{"pid"}`` with a pidfd.
What a child is to do it reads from its first descriptor, after the fork: nothing that a grader
knows was ever in the memory that a zygote, and so a candidate, is a copy of.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import traceback
from dataclasses import dataclass
from typing import NoReturn

from . import linux

REQUEST_BYTES = 4096
MOST_FDS = 4


@dataclass(frozen=True)
class AncestorSettings:
    """How this process was asked to run."""

    import_path: list[str]
    # Folder for temporary files that libraries may make while they are imported.
    scratch: str
    # Whether enough will be forked for a move to huge pages to pay.
    huge_pages: bool


def main(control_fd: int) -> NoReturn:
    """Import and run once what every child needs, then fork for ever."""
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    linux.call_itself("ancestor")
    control = socket.socket(fileno=control_fd)
    settings = AncestorSettings(**json.loads(control.recv(REQUEST_BYTES)))
    sys.path[:] = settings.import_path
    tempfile.tempdir = settings.scratch
    # Most objects made here are here to stay: looking through them for garbage is a waste.
    gc.disable()
    from . import serve

    serve.warm_up()
    gc.collect()
    gc.freeze()
    gc.enable()
    if settings.huge_pages:
        linux.collapse()
    serve_forks(control)


def serve_forks(control: socket.socket) -> NoReturn:
    """Fork a child per request until the other side hangs up."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    children: dict[int, int] = {}  # pidfd -> pid
    while True:
        for fd, _ in poll.poll():
            if fd != control.fileno():
                poll.unregister(fd)
                os.close(fd)
                os.waitpid(children.pop(fd), 0)
                continue
            try:
                message, fds, _, _ = socket.recv_fds(control, REQUEST_BYTES, MOST_FDS)
            except ConnectionError:
                os._exit(0)
            if not message:
                os._exit(0)
            pid = os.fork()
            if pid == 0:
                _live(json.loads(message)["fork"], fds, [control.fileno(), *children])
            pidfd = os.pidfd_open(pid)
            children[pidfd] = pid
            poll.register(pidfd, select.POLLIN)
            for one in fds:
                os.close(one)
            with contextlib.suppress(OSError):  # it has hung up, which is the next event
                socket.send_fds(control, [json.dumps({"pid": pid}).encode()], [pidfd])


def _live(kind: str, fds: list[int], foreign: list[int]) -> NoReturn:
    """The whole life of a child; nothing may return from here into its parent's loop."""
    status = 1
    try:
        parent = os.getppid()
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # the parent was killed before it could be watched
        for fd in foreign:
            os.close(fd)
        if kind == "zygote":
            from . import zygote

            linux.call_itself(kind)
            zygote.main(*fds)
        else:
            _run_module(*fds)
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _run_module(first: int, words: int, *others: int) -> None:
    """Call a function of a module elsewhere, as the message on the descriptor ``first`` says."""
    for fd in (1, 2):
        os.dup2(words, fd)
    os.close(words)
    with socket.socket(fileno=os.dup(first)) as stream:
        told = linux.received(stream)
    linux.call_itself(told["function"])
    os.environ.update(told["environ"])
    sys.dont_write_bytecode = told["dont_write_bytecode"]
    if sys.path != told["path"]:
        # As a Python of its own would: editable installations may need what a .pth file runs.
        import site

        site.main()
        sys.path[:] = told["path"]
    os.chdir(told["cwd"])
    function = getattr(importlib.import_module(told["module"]), told["function"])
    function(first, *others, **told["arguments"])
