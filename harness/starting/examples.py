"""The scenarios, skills and solutions that ship with the harness, copied to where they are used."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import harness
from harness.errors import ReportError, UsageError

FOLDERS = ("scenarios", "skills", "solutions")


@dataclass(frozen=True)
class CopiedExamples:
    """What came of copying the shipped files; each path is relative to the folder."""

    # How many files were written, by the name of their top folder.
    written: Counter[str]
    # Files that were there already with the very same content.
    same: tuple[Path, ...]
    # Files, or other things of their name, that were there already and are not as shipped.
    others: tuple[Path, ...]


def shipped() -> Path:
    """The folder with the shipped scenarios, skills and solutions.

    A wheel holds them within the package; in the repository they are beside it.
    """
    package = Path(harness.__file__).parent
    within = package / "shipped"
    return within if within.is_dir() else package.parent


def copy_examples(folder: Path) -> CopiedExamples:
    """Write the shipped files below ``folder``; what is there already is left as it is.

    Raises ``UsageError`` where something of another kind is in the way, and ``ReportError``
    where the disk refuses.
    """
    written: Counter[str] = Counter()
    same: list[Path] = []
    others: list[Path] = []
    for name in _files(shipped()):
        content = (shipped() / name).read_bytes()
        place = folder / name
        try:
            _make(place.parent)
            _write(place, content)
        except FileExistsError:
            as_shipped = place.is_file() and place.read_bytes() == content
            (same if as_shipped else others).append(name)
        except OSError as error:
            raise ReportError(
                f"{place}: cannot be written: {error.strerror}. Give a folder that may be written "
                "to and has room, `harness init examples DIR`; files that were written before "
                "this one are complete."
            ) from error
        else:
            written[name.parts[0]] += 1
    return CopiedExamples(written, tuple(same), tuple(others))


def told(copied: CopiedExamples, folder: Path) -> Iterator[str]:
    """What was written, and the next command."""
    count = copied.written
    for name in FOLDERS:
        if count[name]:
            yield f"{_files_of(count[name])} in {folder / name}{os.sep}"
    if copied.same:
        written = "" if count else ", so nothing was written"
        were = "was" if len(copied.same) == 1 else "were"
        yield f"{_files_of(len(copied.same))} {were} there already, as shipped{written}"
    there = "" if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    yield f"next: {there}harness run scenarios/"


def _files_of(count: int) -> str:
    return f"{count} file{'s' * (count != 1)}"


def left(copied: CopiedExamples, folder: Path) -> str:
    """Which files were left as they are, not being those that ship, and how to have these."""
    names = [str(folder / name) for name in copied.others]
    few = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return (
        f"left as they are, for they differ from those that ship: {few}. To have the shipped ones, "
        "move yours away and give the same command again, or name another folder: "
        "`harness init examples DIR`"
    )


def _files(root: Path) -> Iterator[Path]:
    """All files to copy, relative to ``root``."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            # An installer compiles what it finds.
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(root)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        file = next(one for one in (folder, *folder.parents) if one.is_file() or one.is_symlink())
        raise UsageError(
            f"{file}: found a file, expected a folder or nothing; move it away, or name another "
            "folder: `harness init examples DIR`"
        ) from None


def _write(place: Path, content: bytes) -> None:
    with place.open("xb") as file:
        try:
            file.write(content)
            file.flush()
        except OSError:
            place.unlink()  # a part of a file would be left alone by the next attempt
            raise
