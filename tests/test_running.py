"""Keys of the ledger, what a run keeps, and the folder it writes to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path

import pytest
from made_results import HEAVY_BYTES, finding, peak_bytes, quick

import harness
from harness import sandbox
from harness.errors import GraderError, HarnessError, ReportError, UsageError
from harness.model import Grade, Outcome, Submission
from harness.read import submissions
from harness.read.scenarios import Library
from harness.run import folders, pool
from harness.run.folders import new_folder, point_latest
from harness.run.ledger import Ledger
from harness.run.run import Conditions, RunProgress, digest_of, grade_selection, graded, key
from harness.run.select import Pairs, Selection, select
from harness.run.task import Task
from harness.run.worker import PlanCache

ROOT = Path(__file__).parent.parent
CONDITIONS = Conditions(seed=1, tier=sandbox.TIERS["A"], jobs=1)


def test_the_key_of_a_grade_changes_with_what_the_grade_depends_on(library: Library) -> None:
    scenario = library.scenario("layer-norm")
    file = ROOT / "solutions/reference/harness/layer-norm.py"
    submission = submissions.read_one(file, scenario.id, ("layer_norm",))
    usual = key(submission, scenario, CONDITIONS)
    renamed = replace(submission, id="x", arm="y", submitter="z", sample=9, path="w")
    assert key(renamed, scenario, CONDITIONS) == usual
    others = [
        key(replace(submission, sha256="0" * 64), scenario, CONDITIONS),
        key(submission, replace(scenario, fingerprint="0" * 64), CONDITIONS),
        key(submission, scenario, replace(CONDITIONS, seed=2)),
        key(submission, scenario, replace(CONDITIONS, tier=sandbox.TIERS["B"])),
    ]
    assert len({key, *others}) == 5


def test_what_cannot_be_read_is_ungraded_and_no_code_of_it_runs(library: Library) -> None:
    scenario = library.scenario("layer-norm")
    file = ROOT / "solutions/reference/harness/layer-norm.py"
    submission = submissions.read_one(file, scenario.id, ("layer_norm",))
    unread = replace(submission, unread="t.json: not JSON; give the whole file")
    made = graded(PlanCache("no zygote").answer(Task(unread, scenario, 1)))
    assert (made.outcome, made.reason) == (Outcome.UNGRADED, unread.unread)
    assert made.answers(scenario.verification).right is None


def test_a_change_to_any_file_of_the_package_changes_the_version(tmp_path: Path) -> None:
    def version() -> str:
        return digest_of(package)

    package = tmp_path / "harness"
    whole = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(harness.__file__).parent, package, ignore=whole)
    seen = {version()}
    files = [file for file in package.rglob("*") if file.is_file()]
    by_kind = {file.suffix: file for file in files}
    assert {".py", ".npz", ".j2", ".css"} <= by_kind.keys()
    for file in [*by_kind.values(), *files[::9]]:
        file.write_bytes(file.read_bytes() + b" ")
        assert version() not in seen, file
        seen.add(version())
    (package / "report").rename(package / "renamed")
    assert version() not in seen


def test_what_python_and_editors_leave_in_the_package_does_not_change_the_version(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.py").touch()
    before = digest_of(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.cpython-311.pyc").touch()
    (tmp_path / ".a.py.swp").touch()
    assert digest_of(tmp_path) == before


# --------------------------------------------------------------------------
# A run, with graders that answer at once


def evidence(submission: Submission) -> str:
    """As much as ``HEAVY_BYTES``, and different for every submission."""
    return f"{submission.sha256}{'x' * HEAVY_BYTES}"


def at_once(pairs: Pairs, **_: object) -> Iterator[tuple[Submission, Grade | HarnessError]]:
    """What graders say, the last first; the last one of all they cannot grade."""
    for place in reversed(range(len(pairs))):
        submission, scenario = pairs[place]
        heavy = finding("vjp", message=evidence(submission))
        if place == len(pairs) - 1:
            yield submission, GraderError("killed")
        else:
            yield submission, quick(scenario.id, findings=(heavy,), sha256=submission.sha256)


@pytest.fixture
def graders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "grade_all", at_once)


def many(folder: Path, count: int) -> Selection:
    """Answers to two scenarios by turns, each of ``HEAVY_BYTES``; the first two are the same."""
    names = ("layer-norm", "memory-relu")
    with (folder / "many.jsonl").open("w") as file:
        for number in range(count):
            text = f"x = '{0 if number == 2 else number:0{HEAVY_BYTES}}'"
            file.write(json.dumps({"task_id": names[number % 2], "solution": text}) + "\n")
    return select(ROOT / "scenarios", [folder / "many.jsonl"])


@pytest.mark.usefixtures("graders")
def test_every_record_is_that_of_its_submission_whenever_it_came(tmp_path: Path) -> None:
    selection = many(tmp_path, 9)
    assert [s.id.split("/", 2)[2] for s in selection.submissions] == [
        *(f"layer-norm/{n}" for n in range(1, 6)),
        *(f"memory-relu/{n}" for n in range(1, 5)),
    ]
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        results = grade_selection(selection, CONDITIONS, ledger)
        assert len(ledger) == 7, "two are the same and one could not be graded"
        again = grade_selection(selection, CONDITIONS, ledger)
    for made in (results, again):
        assert len(made.records) == 9
        for submission, record in zip(made.submissions, made.records, strict=True):
            assert (record.id, record.sha256) == (submission.id, submission.sha256)
            if record.outcome is not Outcome.UNGRADED:
                assert record.findings[0].message == evidence(submission)
        (ungraded,) = (r for r in made.records if r.outcome is Outcome.UNGRADED)
        assert ungraded.reason == "killed"


@pytest.mark.usefixtures("graders")
@pytest.mark.slow
def test_a_run_of_many_has_few_records_and_submissions_in_memory(tmp_path: Path) -> None:
    def grade(fresh: str | None) -> None:
        with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
            results = grade_selection(many(tmp_path, 200), CONDITIONS, ledger, fresh=fresh)
            assert sum(len(r.findings) for r in results.records) == 199

    select(ROOT / "scenarios", [])  # what is loaded once is loaded before
    assert peak_bytes(lambda: grade("all")) < 40 * HEAVY_BYTES
    assert peak_bytes(lambda: grade(None)) < 40 * HEAVY_BYTES


def test_a_run_that_is_interrupted_keeps_every_grade_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = []

    def watched(pairs: Pairs, **_: object) -> Iterator[tuple[Submission, Grade | HarnessError]]:
        try:
            yield from at_once(pairs)
        finally:
            ended.append(True)

    def interrupt(tally: RunProgress) -> None:
        if tally.done == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(pool, "grade_all", watched)
    selection = many(tmp_path, 9)
    out = tmp_path / "out"
    out.mkdir()
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        with pytest.raises(KeyboardInterrupt) as caught:
            grade_selection(selection, CONDITIONS, ledger, folder=out, on_progress=interrupt)
        assert ended, f"graders outlive {caught.type}"
        assert len(ledger) == 3
    assert list(out.iterdir()) == []


def test_each_run_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    first = new_folder(None, tmp_path)
    second = new_folder(None, tmp_path)
    assert first != second
    point_latest(tmp_path, first)
    point_latest(tmp_path, second)
    assert (tmp_path / "latest").resolve() == second.resolve()


def test_a_clock_that_was_set_back_leads_to_no_folder_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Stopped:
            return cls(2026, 1, 2, 3, 4, 5, tzinfo=tz)

    monkeypatch.setattr(folders, "datetime", Stopped)
    made = [new_folder(None, tmp_path).name for _ in range(120)]
    assert made[:2] == ["20260102-030405", "20260102-030405-2"]
    assert len(set(made)) == 120


def test_a_link_that_cannot_be_moved_says_that_the_report_is_complete(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ReportError, match="The report is complete there") as caught:
        point_latest(tmp_path / "file", tmp_path)
    assert caught.value.exit_code == 3


def test_a_folder_named_latest_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    point_latest(tmp_path, new_folder(None, tmp_path))
    assert not (tmp_path / "latest").is_symlink()


def test_an_output_folder_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="--out DIR"):
        new_folder(tmp_path / "file" / "below", tmp_path)
