"""The command line as tests call it, where no process of its own is needed."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

from click.testing import CliRunner

from harness.cli import main


def harness(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """What ``harness ARGUMENTS`` says in a folder, and its exit status."""
    given = [str(argument) for argument in arguments]
    with contextlib.chdir(cwd):
        done = CliRunner().invoke(main, given, prog_name="harness")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(given, done.exit_code, done.stdout, done.stderr)
