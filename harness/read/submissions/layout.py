"""Where submissions lie on disk, and what the names of folders and files say about them."""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import SubmissionError, did_you_mean, nearest, nearest_path
from harness.model import Submission
from harness.printable import printable
from harness.read.submissions.aside import Aside
from harness.read.submissions.content import Origin, build, most_bytes, too_large, unread
from harness.read.submissions.harbor import RESULT, trial_in, trial_of
from harness.read.submissions.records import Read, holds_records, read_records
from harness.read.submissions.told import Told
from harness.read.transcripts import Recorded, read_all
from harness.read.transcripts.formats.aider import AIDER

ADHOC, UNKNOWN = "adhoc", "unknown"
_KINDS = {
    ".py": "python",
    ".md": "reply",
    ".json": "transcript",
    ".jsonl": "transcript",
    ".eval": "transcript",
    ".traj": "transcript",
}
_NAMED = ".py, .md, .json, .jsonl, .traj or .eval file"
# Names under which programs keep their transcripts beside the code that they work on.
_HIDDEN = frozenset({".aider.chat.history.md"})
# Folders beside a transcript: files as its agent left them, transcripts of its helpers.
_BESIDE = frozenset({"files", "subagents"})
# Folders of the arm ``reference`` with what the author of a scenario tries its checks with.
REFERENCE, AUTHORED = "reference", ("right", "wrong")
_HELPERS = re.compile(r"agent-[\w-]+\.jsonl")
# How much of a file is looked at to see whether a Markdown file is a transcript.
_HEAD = 1 << 16
# What programs add to the name of a model when they name a file of answers.
_ENDINGS = re.compile(
    r"(?i)(?:[-_.](?:samples?|outputs?|completions?|results?|sanitized|calibrated|raw|eval|"
    r"(?:vllm|openai|hf|anthropic|google|ollama|bedrock)_temp_[\d.]+|temp_[\d.]+)"
    r"|--(?:main|bigcodebench).*)+$"
)
_NOT_SOLUTIONS = re.compile(
    r"(?i)(?:readme|licen[cs]e|changelog|contributing|notes|notice|index|__init__|conftest)\b.*"
)


@dataclass(frozen=True)
class Place:
    """What the folders around a file say; ``None`` where they say nothing."""

    arm: str | None
    submitter: str | None


def discover(
    paths: Sequence[Path],
    scenario_ids: Collection[str],
    aside: Aside | None = None,
    told: Told | None = None,
) -> tuple[Submission, ...]:
    """Every submission under ``paths``, in a stable order and each one once.

    Where ``scenario_ids`` maps each id to the names of its entry points, the right block of a
    Markdown reply can be told from the others; with bare ids the last one that defines
    something is taken. Answers to anything else are put ``aside``, and a transcript that cannot
    be read is an answer that is ``unread``; without ``aside`` both raise ``SubmissionError``.
    """
    return tuple(sorted(each(paths, scenario_ids, aside, told), key=order))


def each(
    paths: Sequence[Path],
    scenario_ids: Collection[str],
    aside: Aside | None = None,
    told: Told | None = None,
) -> Iterator[Submission]:
    """The same as they are read, for whoever cannot have all of them in memory."""
    seen: set[Path] = set()
    first: dict[str, str] = {}
    reader = _Reader(scenario_ids, aside, told or Told())
    for root in paths:
        for file in _files(root, reader.every, aside or Aside()):
            real = file.resolve()
            if real not in seen:
                seen.add(real)
                for submission in reader.readable(file, root):
                    clash = _clash(submission, first)
                    if clash and aside is None:
                        raise SubmissionError(clash)
                    if clash and aside is not None:
                        aside.unreadable.append(clash)
                    else:
                        yield submission


def order(submission: Submission) -> tuple[str, str, str, int]:
    """By what submissions are sorted wherever they are listed."""
    return submission.arm, submission.submitter, submission.scenario, submission.sample


def read_one(
    path: Path, scenario: str, entry_points: Sequence[str] = (), told: Told | None = None
) -> Submission:
    """The submission in one file, whatever its name, as an answer to ``scenario``."""
    found = read_every(path, scenario, entry_points, told)
    if len(found) != 1:
        raise SubmissionError(
            f"{printable(str(path))}: expected one answer to {scenario!r}, found {len(found)}; "
            f"grade them with `harness run --solutions {printable(str(path))}`"
        )
    return found[0]


def read_every(
    path: Path, scenario: str, entry_points: Sequence[str] = (), told: Told | None = None
) -> tuple[Submission, ...]:
    """Every submission in one file, at least one, as answers to ``scenario``."""
    told = told or Told()
    kind = _kind(path, told)
    if kind is None:
        raise SubmissionError(f"{printable(str(path))}: expected a {_NAMED}, found {path.suffix!r}")
    submitter = printable(stem(path))
    if path.suffix.lower() == ".jsonl" and holds_records(path, told):
        records = _records_for(path, scenario, submitter, told)
        return tuple(build(one.origin, one.raw, entry_points, one.kind) for one in records)
    origin = Origin(ADHOC, submitter, scenario, 1, path)
    if kind != "transcript":
        return (_build(origin, entry_points, kind),)
    raw, conversations = _recorded(path, told)
    if not conversations:
        return (_build(origin, entry_points, kind),)
    # Of the samples of several tasks those of this one.
    mine = [one for one in conversations if told.scenario(one.task_id or "") == scenario]
    mine = mine or list(conversations)
    return tuple(
        build(
            replace(origin, sample=number),
            raw,
            entry_points,
            kind,
            replace(one, sample=None if len(conversations) == 1 else number),
        )
        for number, one in enumerate(mine, start=1)
    )


def _records_for(path: Path, scenario: str, submitter: str, told: Told) -> list[Read]:
    """The records of a JSON Lines file that answer ``scenario``."""
    records = list(read_records(path, ADHOC, submitter, told=told))
    found = [read for read in records if read.origin.scenario == scenario]
    others = sorted({read.origin.scenario for read in records})
    if not found and len(others) == 1 and re.fullmatch(r".+/\d+", others[0]):
        # A numbered name is no scenario's, and whoever names the scenario says what it means.
        origins = [replace(read.origin, scenario=scenario) for read in records]
        return [read._replace(origin=one) for read, one in zip(records, origins, strict=True)]
    if not found:
        named = ", ".join(map(printable, others[:5])) or "none"
        hint = f"{printable(others[0])}={scenario}" if others else f"NAME={scenario}"
        raise SubmissionError(
            f"{printable(str(path))}: expected a record with task_id {scenario!r}, found "
            f"{named}; where a name stands for this scenario, say so with --map {hint}"
        )
    return found


def _kind(file: Path, told: Told) -> str | None:
    """``python``, ``reply``, ``transcript``, or ``None`` for a file that is none of them."""
    kind = _KINDS.get(file.suffix.lower())
    if kind != "reply":
        return kind
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError:
        return kind
    return "transcript" if told.format is not None or AIDER.matches(head, file) else "reply"


def stem(file: Path) -> str:
    """The name of a file without what its format adds to it: ``a.traj.json`` is ``a``."""
    return re.sub(r"\.(?:traj|trajectory)$", "", file.stem, flags=re.I)


def model_in(file: Path) -> str:
    """The model that a file of answers is named after; its name where nothing was added to it."""
    return (_ENDINGS.sub("", file.stem) or file.stem).replace("--", "/")


def _files(root: Path, names: Collection[str], aside: Aside) -> Iterator[Path]:
    if root.is_file():
        if root.suffix.lower() not in _KINDS:
            raise SubmissionError(
                f"{printable(str(root))}: expected a {_NAMED} or a folder of them, "
                f"found {root.suffix!r}"
            )
        yield root
        return
    if not root.is_dir():
        meant = nearest_path(root)
        hint = f" Did you mean {printable(str(meant))!r}?" if meant is not None else ""
        raise SubmissionError(
            f"{printable(str(root))}: no such file or folder; give a solutions folder, an arm or "
            f"submitter folder in it, or a single {_NAMED}.{hint}"
        )
    inside = root.resolve()
    # ``os.walk`` does not enter linked folders, so a loop of links ends here too.
    for folder, folders, files in os.walk(root, followlinks=False):
        here = Path(folder)
        trial = trial_in(here) if RESULT in files else None
        if trial is not None:
            # What else lies there says the same in other ways, or what others thought of it.
            folders[:] = []
            yield trial.trajectory
            continue
        beside = _BESIDE if here.name in names or _is_of_transcript(here) else frozenset()
        at = here.resolve()
        if REFERENCE in (at.name, at.parent.name):
            beside |= frozenset(AUTHORED)
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__")) and f not in beside)
        for name in sorted(files):
            file = here / name
            if name.startswith(".") and name not in _HIDDEN:
                continue
            if file.suffix.lower() not in _KINDS or _NOT_SOLUTIONS.fullmatch(name):
                aside.passed.append(printable(str(file)))
            elif (
                not _HELPERS.fullmatch(name)
                and file.is_file()
                and file.resolve().is_relative_to(inside)
            ):
                yield file


def _is_of_transcript(folder: Path) -> bool:
    """Whether a folder is named after a transcript that lies beside it."""
    return any(
        folder.with_name(folder.name + suffix).is_file()
        for suffix, kind in _KINDS.items()
        if kind == "transcript"
    )


@dataclass
class _Reader:
    """Reads files below given paths; remembers which numbers samples have."""

    scenario_ids: Collection[str]
    aside: Aside | None
    told: Told
    # Numbers that are taken, by arm, submitter and scenario.
    taken: dict[tuple[str, str, str], set[int]] = field(default_factory=lambda: defaultdict(set))

    @property
    def every(self) -> Collection[str]:
        """Ids of all scenarios that there are, selected or not."""
        return _every_id(self.scenario_ids, self.aside)

    def readable(self, file: Path, root: Path) -> Iterator[Submission]:
        """What ``_read`` gives; what is wrong with the file goes ``aside``, where there is one."""
        try:
            yield from self._read(file, root)
        except SubmissionError as error:
            if self.aside is None:
                raise
            self.aside.unreadable.append(f"{str(error).rstrip('.')}.")

    def _read(self, file: Path, root: Path) -> Iterator[Submission]:
        named = file.stem in self.every or _scenario_folder(file, root, self.every) is not None
        if file.suffix.lower() == ".jsonl" and holds_records(file, self.told, not named):
            place = _place(file.parent, root)
            for origin, raw, kind, where in read_records(
                file,
                place.arm or ADHOC,
                place.submitter or printable(model_in(file)),
                None if self.aside is None else self.aside.unreadable,
                self.told,
            ):
                if _selected(origin.scenario, self.scenario_ids, self.aside, where):
                    yield build(origin, raw, _names(origin.scenario, self.scenario_ids), kind)
            return
        kind = _kind(file, self.told) or ""
        if kind == "transcript":
            yield from self._transcripts(file, root)
            return
        numbered = file.parent.name in self.every or file.stem.isdecimal()
        scenario = self.told.scenario(file.parent.name if numbered else file.stem)
        if not _selected(scenario, self.scenario_ids, self.aside, printable(str(file))):
            return
        if numbered and not file.stem.isdecimal():
            raise SubmissionError(
                f"{printable(str(file))}: a file in a folder named after a scenario is a sample; "
                f"expected a number from 0 or from 1 as its name, found {file.stem!r}"
            )
        place = _place(file.parent.parent if numbered else file.parent, root)
        number = _number(file) if numbered else 1
        origin = _origin(place, None, scenario, number, file)
        yield _build(origin, _names(scenario, self.scenario_ids), kind)

    def _transcripts(self, file: Path, root: Path) -> Iterator[Submission]:
        """The conversations of one file, each with what it answers."""
        trial = trial_of(file)
        if trial is not None and not file.is_file():
            raise SubmissionError(
                f"{printable(str(trial.folder))}: Harbor's trial of {printable(trial.task)} has no "
                "agent/trajectory.json; take an agent that writes ATIF, or take the folder away"
            )
        folder = None if trial else _scenario_folder(file, root, self.every)
        if folder is None and file.stem.isdecimal():
            folder = file.parent
        at = folder.name if folder is not None else self.told.scenario(stem(file))
        place = _place((folder or file).parent, root)
        if trial is not None:
            at = self.told.scenario(trial.scenario(self.every))
            place = Place(printable(trial.arm(root)), printable(trial.submitter or UNKNOWN))
        # JSON may be labels, settings, or whatever else programs write.
        likely = trial is not None or file == root or file.suffix.lower() != ".json"
        likely = likely or at in self.every or nearest(at, self.every, 0.8) is not None
        where = printable(str(file))
        origin = _origin(place, None, at, 1, file)
        try:
            raw, found = _recorded(file, self.told)
        except SubmissionError as error:
            if not likely:
                self._leave(where)
            elif self.aside is None:
                raise
            elif at not in self.every:
                # What it answers may stand in it.
                self.aside.unreadable.append(f"{str(error).rstrip('.')}.")
            elif _selected(at, self.scenario_ids, self.aside, where):
                number = self._sample(origin, folder, trial is None, None)
                why = str(error)
                yield unread(replace(origin, sample=number), _hashed(file), why)
            return
        if not found:
            # Empty, or too large.
            if _selected(at, self.scenario_ids, self.aside, where):
                number = self._sample(origin, folder, trial is None, None)
                yield _build(replace(origin, sample=number), (), "transcript")
            return
        for one in found:
            answers = self.told.scenario(one.task_id or "")
            scenario = answers if answers in self.every else at
            if scenario not in self.every and not likely:
                self._leave(where)
                return
            if _selected(scenario, self.scenario_ids, self.aside, where):
                origin = _origin(place, one, scenario, 1, file)
                alone = len(found) == 1
                own = trial is None and alone and (folder is not None or scenario == at)
                number = self._sample(origin, folder, own, one.sample)
                part = replace(one, sample=None if alone else number)
                names = _names(scenario, self.scenario_ids)
                yield build(replace(origin, sample=number), raw, names, "transcript", part)

    def _leave(self, where: str) -> None:
        if self.aside is not None:
            self.aside.left.append(where)

    def _sample(self, origin: Origin, folder: Path | None, own: bool, given: int | None) -> int:
        """The number of a sample: its file's, its own, or the next one that is free.

        ``own`` if its file, in ``folder`` of a scenario or named after one, holds no other.
        """
        file = origin.path
        if own and folder is None:
            return 1
        taken = self.taken[origin.arm, origin.submitter, origin.scenario]
        numbered = [p for p in file.parent.iterdir() if p.stem.isdecimal()] if folder else []
        reserved = {_number(p) for p in numbered if p.suffix.lower() in _KINDS}
        wanted = given or 1
        if folder is not None and file.stem.isdecimal():
            wanted = _number(file)
            reserved.discard(wanted)
        while wanted in taken or wanted in reserved:
            wanted += 1
        taken.add(wanted)
        return wanted


def _recorded(file: Path, told: Told) -> tuple[bytes, tuple[Recorded, ...]]:
    """The bytes of a file and its conversations; none where it is empty or too large."""
    raw, _, _ = _content(file, most_bytes("transcript"))
    if raw is None or not raw.strip():
        return b"", ()
    found = read_all(raw, printable(str(file)), file, told.format)
    if told.format is not None:
        # Read as another format it is another answer.
        found = tuple(replace(o, beside=(*o.beside, f"format {told.format}")) for o in found)
    return raw, found


def _hashed(file: Path) -> str:
    raw, _, sha256 = _content(file, most_bytes("transcript"))
    return sha256 if raw is None else hashlib.sha256(raw).hexdigest()


def _origin(place: Place, one: Recorded | None, scenario: str, sample: int, file: Path) -> Origin:
    arm = one.arm if one is not None else None
    model = one.model if one is not None else None
    return Origin(
        arm=place.arm or printable(arm or ADHOC),
        submitter=place.submitter or printable(model or UNKNOWN),
        scenario=scenario,
        sample=sample,
        path=file,
    )


def _number(file: Path) -> int:
    """The number of a sample that its file is named after, from 1.

    Where the numbers of a folder begin with 0, as those of EvalPlus do, all are one higher.
    """
    from_zero = any(file.with_name(f"0{suffix}").is_file() for suffix in _KINDS)
    return int(file.stem[:18]) + from_zero


def _scenario_folder(file: Path, root: Path, names: Collection[str]) -> Path | None:
    """The nearest folder around a file that is named after a scenario, not above ``root``."""
    top = root.resolve() if root.is_dir() else root.resolve().parent
    for folder in file.parents:
        if folder.name in names:
            return folder
        if folder.resolve() == top:
            return None
    return None


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
    return scenario_ids[scenario] if isinstance(scenario_ids, Mapping) else ()


def _build(origin: Origin, names: Sequence[str], kind: str) -> Submission:
    """The submission in the file of ``origin``; of one that is too large, size and hash alone."""
    raw, size, sha256 = _content(origin.path, most_bytes(kind))
    if raw is not None:
        return build(origin, raw, names, kind)
    return too_large(origin, kind, size, sha256)


def _content(path: Path, most: int) -> tuple[bytes | None, int, str]:
    """What a file holds, its size and SHA-256; of one that is larger than ``most``, the latter."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(most + 1)
            if len(raw) <= most:
                return raw, len(raw), ""
            size, digest = len(raw), hashlib.sha256(raw)
            while raw := stream.read(1 << 20):
                size += len(raw)
                digest.update(raw)
    except OSError as error:
        raise SubmissionError(f"{printable(str(path))}: cannot be read: {error.strerror}") from None
    return None, size, digest.hexdigest()


def _clash(submission: Submission, first: dict[str, str]) -> str:
    """What is wrong where an id was seen before; ``first`` is where, and is added to."""
    if submission.id not in first:
        first[submission.id] = submission.path
        return ""
    return (
        f"{printable(submission.path)} and {printable(first[submission.id])} are "
        f"both {submission.id}; keep several samples as {submission.scenario}/1.py, "
        f"{submission.scenario}/2.py, …"
    )
