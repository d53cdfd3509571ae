"""The commands of the tutorial, in their order, in an empty folder, and what it says they print."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "tutorial.md"
# Where the page has a server of the reader's own.
SERVER = "http://127.0.0.1:8000/v1"
FENCED = re.compile(r"^(?P<fence>`{3,})(?P<kind>\w*)\n(?P<text>.*?)^(?P=fence)$", re.M | re.S)


class Model(BaseHTTPRequestHandler):
    """Gives the page's own answer to whatever it is asked."""

    reply = ""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": self.reply}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        told = {"id": "1", "object": "chat.completion", "created": 0, "model": "my-model"}
        body = json.dumps({**told, "choices": [choice], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(reply: str) -> Iterator[str]:
    """The address of a server that gives this reply."""
    Model.reply = reply
    with ThreadingHTTPServer(("127.0.0.1", 0), Model) as listening:
        Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}/v1"
        listening.shutdown()


def printed_as_shown(printed: str, shown: str) -> None:
    """The shown lines come in this order; … stands for anything, alone for any lines."""
    lines = iter(printed.splitlines())
    for line in shown.splitlines():
        if line != "…":
            pattern = ".*".join(map(re.escape, line.split("…")))
            found = any(re.fullmatch(pattern, one.rstrip()) for one in lines)
            assert found, f"not printed, or not there: {line!r}\n{printed}"


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "harness"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m harness "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    blocks = [(found["kind"], found["text"]) for found in FENCED.finditer(PAGE.read_text())]
    begin = "answers/skill/someone/split-bill.md <<'END'\n"
    reply = next(text.partition(begin)[2] for _, text in blocks if begin in text)
    # Each block goes on in the folder and with the settings that the one before it left.
    state, printed = "cd .", ""
    with served(reply.removesuffix("END\n")) as address:
        for kind, text in blocks:
            if kind == "text":
                printed_as_shown(printed, text)
                continue
            assert kind == "sh"
            kept = tmp_path / "state"
            script = f"set -e\n{state}\n{text.replace(SERVER, address)}\n"
            script += f'{{ printf "cd %q\\n" "$PWD"; export -p; }} > {kept}\n'
            done = subprocess.run(
                ["bash", "-c", script],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
            state, printed = kept.read_text(), done.stdout
    # The model said what is graded already.
    assert "4 submissions (4 from the ledger, 0 graded now): 3 right" in printed
