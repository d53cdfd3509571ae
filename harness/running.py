"""A run: which submissions are graded already, and what came of the rest."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import harness
from harness import store
from harness.errors import HarnessError, ReportError, ScenarioError, UsageError
from harness.model import (
    Grade,
    Level,
    Outcome,
    Record,
    Results,
    RunInfo,
    SandboxInfo,
    Scenario,
    Submission,
)
from harness.sandbox.tier import Tier
from harness.selection import Pairs, Selection
from harness.spool import Spool


@dataclass(frozen=True)
class RunProgress:
    """How far a run is, for a progress display."""

    done: int
    total: int
    # How many of those done were found in the ledger.
    known: int
    last: Record | None


@dataclass(frozen=True)
class Conditions:
    """Under what to grade."""

    seed: int
    tier: Tier
    jobs: int


@cache
def harness_version() -> str:
    """Version and a digest of the package: an edited harness grades anew."""
    return f"{harness.__version__}+{digest_of(Path(harness.__file__).parent)[:12]}"


def digest_of(package: Path) -> str:
    """SHA-256 over name and content of every file, but for bytecode and hidden files.

    A list of the endings that count would forget the next kind of data that grades depend on.
    """
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*")):
        name = file.relative_to(package)
        hidden = any(part == "__pycache__" or part.startswith(".") for part in name.parts)
        if file.is_file() and not hidden:
            content = hashlib.sha256(file.read_bytes()).digest()
            digest.update(name.as_posix().encode() + b"\0" + content)
    return digest.hexdigest()


@cache
def _torch_version() -> str:
    return version("torch")


def key(submission: Submission, scenario: Scenario, conditions: Conditions) -> str:
    """The ledger key of a grade."""
    return store.grade_key(
        submission.sha256,
        scenario.fingerprint,
        harness_version(),
        _torch_version(),
        conditions.seed,
        kind=submission.kind,
        scenario=scenario.id,
        tier=conditions.tier.name,
    )


def run(
    selection: Selection,
    conditions: Conditions,
    ledger: store.Ledger,
    *,
    folder: Path | None = None,
    fresh: str | None = None,
    on_progress: Callable[[RunProgress], None] = lambda _: None,
) -> Results:
    """Grade what the ledger does not know yet; every grade is kept as soon as it is made.

    A run that is ``fresh`` first makes the ledger forget the grades that are asked for, unless
    a fresh run of the same name has begun and not ended. Whoever has the results ends it.
    The records lie in ``folder``, in a file without a name: see ``Spool``.
    """
    started_at = datetime.now().astimezone().isoformat(timespec="seconds")
    started = time.perf_counter()
    scenario_of = selection.scenario_of()
    total = len(selection.submissions)
    records: Spool[Record] = Spool(folder)
    # Per submission the place of its record, which come in another order.
    places = [0] * total
    if fresh is not None and ledger.begun(fresh) is None:
        asked = (key(s, scenario_of[s.scenario], conditions) for s in selection.submissions)
        ledger.begin(fresh, conditions.seed, asked)
    missing: dict[str, list[int]] = {}
    for place, submission in enumerate(selection.submissions):
        one = key(submission, scenario_of[submission.scenario], conditions)
        known = ledger.get(one)
        if known is None:
            missing.setdefault(one, []).append(place)
        else:
            places[place] = len(records)
            records.append(Record.of(submission, known))
    from_ledger = len(records)
    on_progress(RunProgress(from_ledger, total, from_ledger, None))
    # Closed here, not when a traceback is: whatever ends a run ends its processes.
    with closing(_graded(selection, missing, conditions, ledger)) as graded:
        for place, record in graded:
            places[place] = len(records)
            records.append(record)
            on_progress(RunProgress(len(records), total, from_ledger, record))
    records.arrange(places)
    return Results(
        run=RunInfo(
            seed=conditions.seed,
            started_at=started_at,
            wall_s=round(time.perf_counter() - started, 3),
            versions={
                "harness": harness.__version__,
                "torch": _torch_version(),
                "python": platform.python_version(),
            },
            sandbox=SandboxInfo(conditions.tier.name, conditions.tier.layers),
        ),
        records=records,
        arms=selection.arms,
        skills=selection.skills,
        scenarios=selection.scenarios,
        submissions=selection.submissions,
    )


def _graded(
    selection: Selection,
    missing: Mapping[str, Sequence[int]],
    conditions: Conditions,
    ledger: store.Ledger,
) -> Generator[tuple[int, Record]]:
    """Place and record of what the ledger lacks, by key; the same bytes are graded once."""
    if not missing:
        return
    from harness.executors import local

    first = [places[0] for places in missing.values()]
    pairs = Pairs(selection.submissions, first, selection.scenario_of())
    keys = {submission.id: one for one, (submission, _) in zip(missing, pairs, strict=True)}
    answers = local.grade_all(
        pairs, seed=conditions.seed, tier=conditions.tier, jobs=conditions.jobs
    )
    with closing(answers):
        for submission, answer in answers:
            if isinstance(answer, Grade):
                ledger.put(keys[submission.id], answer)
            grade = graded(answer)
            for place in missing[keys[submission.id]]:
                yield place, Record.of(selection.submissions[place], grade)


def graded(answer: Grade | HarnessError) -> Grade:
    """What a grader answered, as a grade; an error of ours makes an ungraded one.

    Raises a ``ScenarioError``: there a person has to mend something first.
    """
    if isinstance(answer, Grade):
        return answer
    if isinstance(answer, ScenarioError):
        raise answer
    return Grade(
        outcome=Outcome.UNGRADED,
        reason=str(answer),
        verification=Level.NONE,
        verification_reason="Not graded.",
        held=None,
        wall_s=0.0,
        findings=(),
        traps=(),
        red_flags=(),
    )


def new_folder(out: Path | None, reports: Path) -> Path:
    """The folder of this run's report, made and known to be writable.

    ``reports/<time>`` unless ``out`` is given.
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
