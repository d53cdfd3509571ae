"""Files that are replaced whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from harness.errors import ReportError, ResultsError


def replace_file(path: str | os.PathLike[str], text: str | Iterable[str]) -> None:
    """Put ``text``, whole or in pieces, at ``path`` in one step: see ``replacing``."""
    with replacing(path) as file:
        file.writelines(piece.encode() for piece in ((text,) if isinstance(text, str) else text))


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to that takes its place at ``path`` in one step, once all is written.

    A full disk, a kill or an exception leaves the old file. What is not a regular file (a pipe,
    ``/dev/stdout``) is written to as it is. Raises ``ReportError`` where there is no writing.
    """
    path = Path(path)
    with _reported(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
            return
        # A link stays a link; its target is replaced.
        target = path.resolve()
        draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.new")
        try:
            with draft.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Put a file for another tool at ``path``; in place of a lone surrogate stands ``?``."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    replace_file(path, text.encode("utf-8", "replace").decode("utf-8") + "\n")


@contextmanager
def together(folder: Path) -> Iterator[Path]:
    """A folder to write to, whose files take their places in ``folder`` once all are written.

    So a disk that fills up on the way leaves no report of which one half is of another run.
    Raises ``ReportError`` where ``folder`` cannot be written to.
    """
    draft = folder / f".{secrets.token_hex(4)}.new"
    try:
        with _reported(folder):
            draft.mkdir(parents=True)
        try:
            yield draft
        except ResultsError as error:
            # The reader knows the place, not the draft.
            raise type(error)(str(error).replace(str(draft), str(folder))) from error
        for file in sorted(file for file in draft.rglob("*") if file.is_file()):
            _move(file, folder / file.relative_to(draft))
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _move(file: Path, path: Path) -> None:
    with _reported(path):
        if path.is_symlink() or (path.exists() and not path.is_file()):
            replace_file(path, file.read_text(encoding="utf-8"))
        else:
            path.parent.mkdir(exist_ok=True)
            file.replace(path)


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ReportError(
            f"{path}: cannot be written: {error.strerror or error}. See that the folder may be "
            "written to and the disk has room, or choose another place; a file that was there "
            "before is unchanged, and grades in the ledger are not worked out twice."
        ) from error
