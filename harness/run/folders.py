"""Where a run writes its reports."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from harness.errors import ReportError, UsageError


def new_folder(out: Path | None, reports: Path, also: str = "") -> Path:
    """The folder of this run's report, made and known to be writable.

    ``reports/<time>`` unless ``out`` is given. Raises ``UsageError``, whose remedy ends with
    ``also``: what else would be written there.
    """
    folder = out or reports
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if out is None:
            folder = _folder_of_now(reports)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"cannot write to {folder}: {error.strerror}; choose another folder with --out DIR"
            f"{also}"
        ) from None
    return folder


def _folder_of_now(reports: Path) -> Path:
    """Another one each time, even where the clock was set back."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    folder, number = reports / stamp, 1
    while True:
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
            folder = reports / f"{stamp}-{number}"
        else:
            return folder


def point_latest(reports: Path, folder: Path) -> None:
    """Make ``reports/latest`` point at ``folder``, atomically; ``--out`` may lie elsewhere."""
    link, draft = reports / "latest", reports / f".latest.{os.getpid()}"
    try:
        reports.mkdir(parents=True, exist_ok=True)
        if link.exists() and not link.is_symlink():
            return  # somebody's own folder
        draft.unlink(missing_ok=True)
        draft.symlink_to(os.path.relpath(folder.resolve(), reports.resolve()))
        draft.replace(link)
    except OSError as error:
        raise ReportError(
            f"{link}: cannot be pointed at {folder}: {error.strerror}. The report is complete "
            "there; see that the folder of the link may be written to and the disk has room."
        ) from error
