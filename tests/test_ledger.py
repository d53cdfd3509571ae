"""The ledger keeps what was graded, and nothing that it does not understand is lost."""

from __future__ import annotations

import json
import math
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_results import finding, quick, real_results
from pydantic import TypeAdapter

from harness.errors import LedgerError
from harness.model import Finding, Grade, Level, Outcome, Record
from harness.run.ledger import Ledger, grade_key, plain


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def refused(path: Path) -> str:
    """The message with which opening ``path`` fails; the file is unchanged after it."""
    before = path.read_bytes()
    with pytest.raises(LedgerError) as caught:
        Ledger.open(path)
    assert path.read_bytes() == before
    message = str(caught.value)
    assert str(path) in message
    assert "Nothing was changed. Move the file away" in message
    return message


def test_a_record_comes_back_as_it_was_once_its_submission_is_named(path: Path) -> None:
    results = real_results()
    with Ledger.open(path) as ledger:
        for number, record in enumerate(results.records):
            ledger.put(str(number), record)
    with Ledger.open(path) as ledger:
        for number, (record, submission) in enumerate(
            zip(results.records, results.submissions, strict=True)
        ):
            kept = ledger.get(str(number))
            if record.outcome is Outcome.UNGRADED:
                assert kept is None
            else:
                assert kept is not None
                assert Record.of(submission, kept) == record


def test_an_unknown_key_is_none(path: Path) -> None:
    with Ledger.open(path) as ledger:
        assert ledger.get("nothing") is None


def test_the_identity_of_a_record_is_not_kept(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.put("k", quick("layer-norm", arm="secret", submitter="somebody"))
        kept = ledger.get("k")
    assert kept is not None
    assert type(kept) is Grade
    assert b"somebody" not in path.read_bytes()


def test_an_ungraded_record_is_not_kept(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.put("k", quick("layer-norm", right=None))
        assert len(ledger) == 0


def test_the_first_record_under_a_key_stays(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.put("k", quick("layer-norm", wall_s=1.0))
        ledger.put("k", quick("layer-norm", wall_s=2.0))
        kept = ledger.get("k")
    assert kept is not None
    assert kept.wall_s == 1.0


def test_the_seed_is_63_bits_and_stays_until_it_is_renewed(path: Path) -> None:
    with Ledger.open(path) as ledger, Ledger.open(path) as other:
        first = ledger.seed
        assert 0 <= first < 2**63
        assert other.seed == first
        second = ledger.renew_seed()
        assert ledger.seed == second != first
        assert other.seed == first, "a run keeps the seed it began with"
    with Ledger.open(path) as ledger:
        assert ledger.seed == second


def test_a_fresh_run_forgets_what_it_asks_for_and_is_known_until_it_ends(path: Path) -> None:
    with Ledger.open(path) as ledger:
        for key in "abc":
            ledger.put(key, quick("layer-norm"))
        assert ledger.begun("all of it") is None
        ledger.begin("all of it", 7, ["a", "b", "new"])
        assert [key for key in "abc" if ledger.get(key)] == ["c"]
    with Ledger.open(path) as ledger:
        assert ledger.begun("all of it") == 7
        assert ledger.begun("a part") is None
        ledger.end("all of it")
        assert ledger.begun("all of it") is None


def test_a_fresh_run_that_cannot_begin_forgets_nothing(path: Path) -> None:
    def keys() -> Iterator[str]:
        yield "a"
        raise KeyboardInterrupt

    with Ledger.open(path) as ledger:
        ledger.put("a", quick("layer-norm"))
        with pytest.raises(KeyboardInterrupt):
            ledger.begin("all of it", 7, keys())
        assert ledger.get("a") is not None
        assert ledger.begun("all of it") is None


def test_two_ledgers_have_different_seeds(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "a") as a, Ledger.open(tmp_path / "b") as b:
        assert a.seed != b.seed


def test_a_ledger_is_made_with_its_folders_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "[odd] folder?" / "ledger #1.sqlite"
    with Ledger.open(path) as ledger:
        ledger.put("k", quick("layer-norm"))
    assert [p.name for p in path.parent.iterdir()] == ["ledger #1.sqlite"]


PARTS = {
    "submission_sha256": "s",
    "scenario_fingerprint": "f",
    "harness_version": "1",
    "torch_version": "2",
    "seed": 3,
    "kind": "reply",
}


@pytest.mark.parametrize("name", PARTS)
def test_every_part_of_a_key_changes_it(name: str) -> None:
    changed = PARTS | {name: 4 if name == "seed" else "other"}
    assert grade_key(**PARTS) == grade_key(**PARTS)  # type: ignore[arg-type]
    assert grade_key(**PARTS) != grade_key(**changed)  # type: ignore[arg-type]


def test_parts_of_a_key_do_not_run_into_each_other() -> None:
    assert grade_key("ab", "c", "1", "2", 3) != grade_key("a", "bc", "1", "2", 3)


def test_several_processes_fill_one_ledger_at_once(path: Path) -> None:
    code = textwrap.dedent(
        """
        import sys
        sys.path.insert(0, sys.argv[3])
        from made_results import quick
        from harness.run.ledger import Ledger
        with Ledger.open(sys.argv[1]) as ledger:
            for number in range(40):
                ledger.put(f"shared-{number}", quick("layer-norm"))
                ledger.put(f"{sys.argv[2]}-{number}", quick("layer-norm"))
            print(ledger.seed)
        """
    )
    here = str(Path(__file__).parent)
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path), str(number), here], stdout=subprocess.PIPE
        )
        for number in range(4)
    ]
    seeds = {run.communicate(timeout=120)[0] for run in runs}
    assert [run.returncode for run in runs] == [0] * 4
    assert len(seeds) == 1, "all of them opened the same ledger"
    with Ledger.open(path) as ledger:
        assert len(ledger) == 40 + 4 * 40


def put_and_die(path: Path) -> None:
    """Put twenty grades in another process that has no time to close the ledger."""
    code = textwrap.dedent(
        """
        import os, sys
        sys.path.insert(0, sys.argv[2])
        from made_results import quick
        from harness.run.ledger import Ledger
        ledger = Ledger.open(sys.argv[1])
        for number in range(20):
            ledger.put(f"late-{number}", quick("layer-norm"))
        os.kill(os.getpid(), 9)
        """
    )
    subprocess.run([sys.executable, "-c", code, str(path), str(Path(__file__).parent)], check=False)


def test_what_was_put_survives_a_killed_run(path: Path) -> None:
    put_and_die(path)
    with Ledger.open(path) as ledger:
        assert len(ledger) == 20


def test_an_empty_file_is_refused(path: Path) -> None:
    path.touch()
    assert "found an empty file" in refused(path)


def test_a_file_that_is_not_sqlite_is_refused(path: Path) -> None:
    path.write_text("id,scenario\n")
    assert "found one that begins with b'id,scenario" in refused(path)


def test_another_database_is_refused(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x)")
    connection.commit()
    connection.close()
    assert "an SQLite database that something else made" in refused(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="expected a file, found a folder"):
        Ledger.open(tmp_path)


def test_another_version_is_refused(path: Path) -> None:
    Ledger.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    assert "is of version 7, this harness reads version 1" in refused(path)


PAGE_BYTES = 4096


def filled(path: Path) -> None:
    with Ledger.open(path) as ledger:
        for number in range(60):
            ledger.put(str(number), quick("layer-norm", reason="because " * 40))


@pytest.mark.parametrize("part", [0.9999, 0.9, 0.5, 0.1])
def test_a_truncated_ledger_is_refused(path: Path, part: float) -> None:
    filled(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    assert "ledger is cut short" in refused(path)


@pytest.mark.parametrize("pages", [1, 2, -1])
def test_a_ledger_cut_between_two_pages_is_refused(path: Path, pages: int) -> None:
    filled(path)
    path.write_bytes(path.read_bytes()[: pages * PAGE_BYTES])
    assert "ledger is cut short" in refused(path)


def test_a_ledger_cut_within_its_header_is_refused(path: Path) -> None:
    filled(path)
    path.write_bytes(path.read_bytes()[:40])
    refused(path)


def test_a_ledger_with_any_page_overwritten_is_refused(path: Path) -> None:
    filled(path)
    data = path.read_bytes()
    for start in range(0, len(data), PAGE_BYTES):
        garbage = b"\xa5" * PAGE_BYTES
        path.write_bytes(data[:start] + garbage + data[start + PAGE_BYTES :])
        refused(path)


# --------------------------------------------------------------------------
# The journal that a killed run leaves behind


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a ledger of sixty grades that was killed while it was written to."""
    code = textwrap.dedent(
        """
        import os, sqlite3, sys
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        # So that pages are written before the end of the transaction.
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        for number in range(200):
            connection.execute("INSERT INTO grade VALUES (?, ?)", (f"late-{number}", "x" * 3000))
        os.kill(os.getpid(), 9)
        """
    )
    folder = tmp_path_factory.mktemp("killed")
    filled(folder / "ledger.sqlite")
    subprocess.run([sys.executable, "-c", code, str(folder / "ledger.sqlite")], check=False)
    assert len(list(folder.iterdir())) == 2
    return folder


@pytest.fixture
def left(killed: Path, path: Path) -> Path:
    """That ledger, to damage."""
    for file in killed.iterdir():
        shutil.copy(file, path.parent)
    return path


def journal_of(path: Path) -> Path:
    return path.with_name(path.name + "-journal")


def test_a_run_that_is_killed_while_it_writes_loses_only_what_it_wrote(left: Path) -> None:
    with Ledger.open(left) as ledger:
        assert len(ledger) == 60
        assert all(ledger.get(str(number)) for number in range(60))
    assert list(left.parent.iterdir()) == [left]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "all of it": lambda _: b"",
    "its head": lambda journal: b"\xa5" * 40 + journal[40:],
    "its first page": lambda journal: journal[:600] + b"\xa5" * PAGE_BYTES + journal[4696:],
    "half of it": lambda journal: journal[: len(journal) // 2],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_journal_that_is_damaged_where_it_is_needed_is_missed(
    left: Path, damage: Callable[[bytes], bytes]
) -> None:
    journal = journal_of(left)
    journal.write_bytes(damage(journal.read_bytes()))
    with pytest.raises(LedgerError, match="the ledger is damaged"):
        Ledger.open(left)


def test_a_journal_that_is_gone_where_it_is_needed_is_missed(left: Path) -> None:
    journal_of(left).unlink()
    assert "the ledger is damaged" in refused(left)


@pytest.mark.parametrize("suffix", ["-journal", "-wal"])
def test_a_journal_without_its_ledger_is_not_taken_for_that_of_a_new_one(
    path: Path, suffix: str
) -> None:
    path.with_name(path.name + suffix).touch()
    with pytest.raises(LedgerError, match=rf"missing, but its journal ledger\.sqlite{suffix}"):
        Ledger.open(path)
    assert not path.exists()


# --------------------------------------------------------------------------
# Ledgers of earlier versions, with a write-ahead log


@pytest.mark.parametrize("killed", [True, False])
def test_a_ledger_with_a_write_ahead_log_becomes_one_file(
    path: Path, tmp_path: Path, killed: bool
) -> None:
    old = tmp_path / "old" / "ledger.sqlite"
    filled(old)
    connection = sqlite3.connect(old, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("INSERT INTO grade SELECT 'late', record FROM grade WHERE key = '1'")
    if killed:
        for file in old.parent.iterdir():
            shutil.copy(file, path.parent)
    connection.close()
    if not killed:
        shutil.copy(old, path)
    with Ledger.open(path) as ledger:
        assert len(ledger) == 61
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == [path.name]
    assert path.read_bytes()[18:20] == b"\1\1", "no log is written from now on"


def test_a_ledger_with_a_write_ahead_log_that_is_in_use_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(path)
    monkeypatch.setattr("harness.run.ledger._BUSY_S", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("INSERT INTO grade SELECT 'late', record FROM grade WHERE key = '1'")
        with pytest.raises(LedgerError, match="Another process has kept the ledger locked"):
            Ledger.open(path)


@pytest.mark.parametrize("value", [None, "many"])
def test_a_ledger_without_a_readable_seed_is_refused(path: Path, value: str | None) -> None:
    Ledger.open(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    if value is None:
        connection.execute("DELETE FROM setting")
    else:
        connection.execute("UPDATE setting SET value = ?", (value,))
    connection.close()
    assert "expected a seed, found" in refused(path)


@pytest.mark.parametrize("text", ["{", "{}", '{"id": 1}', "[]"])
def test_a_record_that_cannot_be_read_says_which_ledger(path: Path, text: str) -> None:
    with Ledger.open(path) as ledger:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("INSERT INTO grade VALUES ('k', ?)", (text,))
        connection.close()
        with pytest.raises(LedgerError, match="the grade under k… cannot be read") as caught:
            ledger.get("k")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("parent", ["/proc/no-such-folder", "{file}/below"])
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, parent: str) -> None:
    file = tmp_path / "file"
    file.touch()
    path = Path(parent.format(file=file)) / "ledger.sqlite"
    with pytest.raises(LedgerError, match="no ledger can be made there") as caught:
        Ledger.open(path)
    assert str(path) in str(caught.value)
    assert "you may write to it" in str(caught.value)


def test_a_ledger_that_cannot_be_read_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Ledger.open(path).close()

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(LedgerError, match=r"cannot be read: .*Permission denied"):
        Ledger.open(path)


def test_a_locked_ledger_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Ledger.open(path).close()
    monkeypatch.setattr("harness.run.ledger._BUSY_S", 0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match="Another process has kept the ledger locked"):
        Ledger.open(path)
    holder.close()


def test_a_ledger_of_which_only_reading_is_allowed_says_so(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger._connection.execute("PRAGMA query_only = 1")
        with pytest.raises(LedgerError, match="change its permissions"):
            ledger.put("k", quick("layer-norm"))


def test_a_ledger_that_cannot_be_written_is_refused_when_it_is_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(target: Path) -> sqlite3.Connection:
        return sqlite3.connect(f"{target.as_uri()}?mode=ro", uri=True, isolation_level=None)

    filled(path)
    monkeypatch.setattr("harness.run.ledger._connect", read_only)
    with pytest.raises(LedgerError, match="The ledger may not be written: change its perm"):
        Ledger.open(path)


FULL_DISK = """
import resource, sys
sys.path.insert(0, sys.argv[3])
from made_results import quick
from harness.errors import LedgerError
from harness.run.ledger import Ledger
if sys.argv[2] == "make":
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    try:
        Ledger.open(sys.argv[1])
    except LedgerError as error:
        print(error)
    sys.exit()
with Ledger.open(sys.argv[1]) as ledger:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    try:
        for number in range(10_000):
            ledger.put(str(number), quick("layer-norm", reason="because " * 400))
    except LedgerError as error:
        print(number, error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


def on_a_full_disk(path: Path, what: str) -> str:
    command = [sys.executable, "-c", FULL_DISK, str(path), what, str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr == ""
    return done.stdout


def test_a_full_disk_leaves_no_half_made_ledger(path: Path) -> None:
    message = on_a_full_disk(path, "make")
    assert f"{path}: no ledger can be made there" in message
    assert "the disk has room" in message
    assert list(path.parent.iterdir()) == []


def test_a_full_disk_keeps_the_grades_that_were_put(path: Path) -> None:
    number, _, message = on_a_full_disk(path, "fill").partition(" ")
    assert str(path) in message
    assert "disk" in message
    assert "finished grades are kept" in message
    with Ledger.open(path) as ledger:
        assert len(ledger) == int(number) > 0


def test_a_ledger_is_made_where_there_are_no_hard_links(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", unsupported)
    with Ledger.open(path) as ledger:
        assert len(ledger) == 0
    assert list(path.parent.iterdir()) == [path]


def test_the_first_of_two_runs_makes_the_ledger(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger.open(path) as ledger:
        seed = ledger.seed
    monkeypatch.setattr(os.path, "lexists", lambda _: False)
    with Ledger.open(path) as ledger:
        assert ledger.seed == seed


texts = st.text(st.characters(), max_size=12)
figures = st.none() | st.floats()


@settings(deadline=None)
@given(texts, figures, figures, st.sampled_from(Level))
def test_any_record_survives_being_written_as_json(
    words: str, measured: float | None, limit: float | None, level: Level
) -> None:
    record = quick(
        "layer-norm",
        reason=words,
        verification=level,
        findings=(finding("vjp", measured=measured, limit=limit, message=words),),
    )
    text = json.dumps(plain(record), allow_nan=False)
    back = TypeAdapter(Record).validate_json(text, strict=True)
    whole = all(x is None or math.isfinite(x) for x in (measured, limit))
    if whole and words.encode("utf-8", "ignore").decode() == words:
        assert back == record
    kept = back.findings[0]
    for name, value in (("measured", measured), ("limit", limit)):
        if value is not None and not math.isfinite(value):
            assert getattr(kept, name) is None
            assert f"({name}: {value})" in kept.message


def test_half_a_surrogate_pair_is_spelled_out() -> None:
    record = quick("layer-norm", findings=(Finding("vjp", None, True, Outcome.PASSED, "\udc80"),))
    assert plain(record)["findings"][0]["message"] == "\\udc80"
