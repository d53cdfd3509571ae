"""Where submissions lie on disk, and what the names of folders and files say about them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import SubmissionError, did_you_mean, nearest
from harness.model import Submission
from harness.printable import printable
from harness.read.submissions.aside import Aside
from harness.read.submissions.content import Origin, build, most_bytes, too_large
from harness.read.submissions.records import holds_records, read_records

ADHOC, UNKNOWN = "adhoc", "unknown"
_KINDS = {
    ".py": "python",
    ".md": "reply",
    ".json": "transcript",
    ".jsonl": "transcript",
    ".eval": "transcript",
}
_NAMED = ".py, .md, .json, .jsonl or .eval file"
_NOT_SOLUTIONS = re.compile(
    r"(?i)(?:readme|licen[cs]e|changelog|contributing|notes|notice|index|__init__|conftest)\b.*"
)


@dataclass(frozen=True)
class Place:
    """What the folders around a file say; ``None`` where they say nothing."""

    arm: str | None
    submitter: str | None


def discover(
    paths: Sequence[Path], scenario_ids: Collection[str], aside: Aside | None = None
) -> tuple[Submission, ...]:
    """Every submission under ``paths``, in a stable order and each one once.

    Where ``scenario_ids`` maps each id to the names of its entry points, the right block of a
    Markdown reply can be told from the others; with bare ids the last one that defines
    something is taken. Answers to anything else are put ``aside``; without one they raise
    ``SubmissionError``.
    """
    return tuple(sorted(each(paths, scenario_ids, aside), key=order))


def each(
    paths: Sequence[Path], scenario_ids: Collection[str], aside: Aside | None = None
) -> Iterator[Submission]:
    """The same as they are read, for whoever cannot have all of them in memory."""
    seen: set[Path] = set()
    first: dict[str, str] = {}
    names = _every_id(scenario_ids, aside)
    for root in paths:
        for file in _files(root):
            real = file.resolve()
            if real not in seen:
                seen.add(real)
                if file == root or not _is_other_json(file, names):
                    for submission in _readable(file, root, scenario_ids, aside):
                        _reject_twice(submission, first)
                        yield submission


def order(submission: Submission) -> tuple[str, str, str, int]:
    """By what submissions are sorted wherever they are listed."""
    return submission.arm, submission.submitter, submission.scenario, submission.sample


def read_one(path: Path, scenario: str, entry_points: Sequence[str] = ()) -> Submission:
    """The submission in one file, whatever its name, as an answer to ``scenario``."""
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise SubmissionError(f"{printable(str(path))}: expected a {_NAMED}, found {path.suffix!r}")
    if path.suffix.lower() == ".jsonl" and holds_records(path):
        return _only_record(path, scenario, entry_points)
    origin = Origin(ADHOC, printable(path.stem), scenario, 1, path)
    return _build(origin, entry_points, kind)


def _only_record(path: Path, scenario: str, entry_points: Sequence[str]) -> Submission:
    """The one record of a JSON Lines file that answers ``scenario``."""
    records = read_records(path, ADHOC, printable(path.stem))
    found = [read for read in records if read.origin.scenario == scenario]
    if len(found) != 1:
        raise SubmissionError(
            f"{printable(str(path))}: expected one record with task_id {scenario!r}, found "
            f"{len(found)}; grade them with `harness run --solutions {printable(str(path))}`"
        )
    return build(found[0].origin, found[0].raw, entry_points, found[0].kind)


def _files(root: Path) -> Iterator[Path]:
    if root.is_file():
        if root.suffix.lower() not in _KINDS:
            raise SubmissionError(
                f"{printable(str(root))}: expected a {_NAMED} or a folder of them, "
                f"found {root.suffix!r}"
            )
        yield root
        return
    if not root.is_dir():
        raise SubmissionError(
            f"{printable(str(root))}: no such file or folder; give a solutions folder, an arm or "
            f"submitter folder in it, or a single {_NAMED}"
        )
    inside = root.resolve()
    # ``os.walk`` does not enter linked folders, so a loop of links ends here too.
    for folder, folders, names in os.walk(root, followlinks=False):
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__")))
        for name in sorted(names):
            file = Path(folder, name)
            if (
                not name.startswith(".")
                and file.suffix.lower() in _KINDS
                and not _NOT_SOLUTIONS.fullmatch(name)
                and file.is_file()
                and file.resolve().is_relative_to(inside)
            ):
                yield file


def _is_other_json(file: Path, scenario_ids: Collection[str]) -> bool:
    """Whether a JSON file in a folder is something else than a transcript: labels, settings."""
    return (
        file.suffix.lower() == ".json"
        and file.parent.name not in scenario_ids
        and not nearest(file.stem, scenario_ids, 0.8)
    )


def _readable(
    file: Path, root: Path, scenario_ids: Collection[str], aside: Aside | None
) -> Iterator[Submission]:
    """What ``_read`` gives; what is wrong with the file goes ``aside``, where there is one."""
    try:
        yield from _read(file, root, scenario_ids, aside)
    except SubmissionError as error:
        if aside is None:
            raise
        aside.unreadable.append(f"{str(error).rstrip('.')}.")


def _read(
    file: Path, root: Path, scenario_ids: Collection[str], aside: Aside | None
) -> Iterator[Submission]:
    suffix = file.suffix.lower()
    if suffix == ".jsonl" and holds_records(file):
        place = _place(file.parent, root)
        for origin, raw, kind, where in read_records(
            file,
            place.arm or ADHOC,
            place.submitter or printable(file.stem),
            None if aside is None else aside.unreadable,
        ):
            if _selected(origin.scenario, scenario_ids, aside, where):
                yield build(origin, raw, _names(origin.scenario, scenario_ids), kind)
        return
    numbered = file.parent.name in _every_id(scenario_ids, aside) or file.stem.isdecimal()
    scenario = file.parent.name if numbered else file.stem
    if not _selected(scenario, scenario_ids, aside, printable(str(file))):
        return
    if numbered and not (file.stem.isdecimal() and int(file.stem) > 0):
        raise SubmissionError(
            f"{printable(str(file))}: a file in a folder named after a scenario is a sample; "
            f"expected a number from 1 as its name, found {file.stem!r}"
        )
    place = _place(file.parent.parent if numbered else file.parent, root)
    origin = Origin(
        arm=place.arm or ADHOC,
        submitter=place.submitter or UNKNOWN,
        scenario=scenario,
        sample=int(file.stem) if numbered else 1,
        path=file,
    )
    kind = _KINDS[suffix]
    yield _build(origin, _names(scenario, scenario_ids), kind)


def _place(folder: Path, root: Path) -> Place:
    """Arm and submitter of files in ``folder``, found below the given path ``root``."""
    here, top = folder.resolve(), root.resolve()
    if not here.is_relative_to(top):
        # A single file, or a folder of samples, was given: what is above it counts.
        top = here
    parts = here.relative_to(top).parts
    if is_root(top):
        named: tuple[str | None, ...] = parts
    elif is_root(top.parent):
        named = (top.name, *parts)
    elif is_root(top.parent.parent):
        named = here.parts[-2:]
    elif len(parts) >= 2:
        named = parts
    elif parts:
        named = (top.name, *parts)
    else:
        named = (None, here.name or None)
    arm, submitter = (*named[-2:], None, None)[:2]
    return Place(*(name and printable(name) for name in (arm, submitter)))


def is_root(folder: Path) -> bool:
    """Whether ``folder`` is a solutions folder by its name or by the ``arms.yaml`` in it."""
    return folder.name == "solutions" or (folder / "arms.yaml").is_file()


def _every_id(scenario_ids: Collection[str], aside: Aside | None) -> Collection[str]:
    return scenario_ids if aside is None else {*scenario_ids, *aside.elsewhere}


def _selected(name: str, scenario_ids: Collection[str], aside: Aside | None, where: str) -> bool:
    """Whether the scenario ``name`` is one of those asked for; what else there is goes aside."""
    if name in scenario_ids:
        return True
    if aside is None:
        raise SubmissionError(
            f"{where}: unknown scenario {printable(name)!r}.{did_you_mean(name, scenario_ids)}"
            f" Valid ids: {', '.join(sorted(scenario_ids))}"
        )
    aside.add(name, where, scenario_ids)
    return False


def _names(scenario: str, scenario_ids: Collection[str]) -> Sequence[str]:
    return tuple(scenario_ids[scenario]) if isinstance(scenario_ids, Mapping) else ()


def _build(origin: Origin, names: Sequence[str], kind: str) -> Submission:
    """The submission in the file of ``origin``; of one that is too large, size and hash alone."""
    try:
        with origin.path.open("rb") as stream:
            raw = stream.read(most_bytes(kind) + 1)
            if len(raw) <= most_bytes(kind):
                return build(origin, raw, names, kind)
            size, digest = len(raw), hashlib.sha256(raw)
            while raw := stream.read(1 << 20):
                size += len(raw)
                digest.update(raw)
    except OSError as error:
        where = printable(str(origin.path))
        raise SubmissionError(f"{where}: cannot be read: {error.strerror}") from None
    return too_large(origin, kind, size, digest.hexdigest())


def _reject_twice(submission: Submission, first: dict[str, str]) -> None:
    """``first`` is where each id was seen first, and is added to."""
    if submission.id in first:
        raise SubmissionError(
            f"{printable(submission.path)} and {printable(first[submission.id])} are "
            f"both {submission.id}; keep several samples as {submission.scenario}/1.py, "
            f"{submission.scenario}/2.py, …"
        )
    first[submission.id] = submission.path
