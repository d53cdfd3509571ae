"""The files as a recorded agent left them on disk, where somebody kept them.

Beside a transcript ``t.jsonl`` they are in ``t/files/``: what a transcript shows may be less than
what was done, and these win.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

FOLDER = "files"
# As many and as long as a transcript's files may be.
_MAX_FILES, _MAX_BYTES = 100, 100_000


def end_state(transcript: Path) -> Mapping[str, str]:
    """The Python files that were left, by their path in the folder; empty where none were kept.

    What is no UTF-8 text, too long or a link to somewhere else is left out.
    """
    root = transcript.with_suffix("") / FOLDER
    found: dict[str, str] = {}
    if not root.is_dir():
        return found
    inside = root.resolve()
    for folder, folders, names in os.walk(root, followlinks=False):
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__")))
        for name in sorted(names):
            file = Path(folder, name)
            if len(found) >= _MAX_FILES:
                return found
            if not name.endswith(".py") or not file.resolve().is_relative_to(inside):
                continue
            try:
                if file.stat().st_size <= _MAX_BYTES:
                    found[file.relative_to(root).as_posix()] = file.read_text("utf-8-sig")
            except (OSError, UnicodeDecodeError):
                continue
    return found
