"""People say which quotes are right; what they say is kept reply by reply and corrects shares."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made_results import quick, simple_results

from harness.cli import main
from harness.errors import LabelError
from harness.model import QuoteMark, ReplyLabel, Results
from harness.results import write_results
from harness.results.labels import add_label, read_labels, unlabelled

LABEL = {"scenario": "layer-norm", "sha256": "1" * 64, "marks": [], "missed": []}
MARK = {"excuse": "no-time", "quote": "no time", "right": True}


def run_of(count: int) -> Results:
    """Results of as many replies, of which every second one is read as making an excuse."""
    records = [
        quick(
            "layer-norm",
            sample=n,
            arm="baseline" if n % 3 else "skill",
            fell=n % 2 == 0,
            sha256=f"{n:064}",
        )
        for n in range(1, count + 1)
    ]
    return simple_results(*records)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_results(run_of(6), tmp_path / "results.json")
    return tmp_path


def label(folder: Path, words: str) -> Result:
    return CliRunner().invoke(main, ["label", str(folder)], input=words)


def test_labels_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    assert read_labels(path) == ()
    first = ReplyLabel(
        "layer-norm", "1" * 64, (QuoteMark("no-time", "no “time” \U0001f600", True),)
    )
    second = ReplyLabel("layer-norm", "2" * 64, (), ("looks-right",))
    add_label(path, "a/b/layer-norm/1", first)
    add_label(path, "a/b/layer-norm/2", second)
    assert read_labels(path) == (first, second)
    # A hand-edited file may lack its last line end.
    path.write_text(path.read_text().rstrip("\n"))
    add_label(path, "a/b/layer-norm/3", replace(first, sha256="3" * 64))
    assert len(read_labels(path)) == 3


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["nonsense"], "labels.jsonl:1: the line: Invalid JSON"),
        (
            [json.dumps(LABEL | {"sha256": 3})],
            "labels.jsonl:1: sha256: Input should be a valid str",
        ),
        ([json.dumps(LABEL | {"made": True})], "made: Extra inputs are not permitted"),
        (
            ["", json.dumps(LABEL | {"marks": [MARK | {"right": "y"}]})],
            "labels.jsonl:2: marks[0].right",
        ),
        ([json.dumps(LABEL)] * 2, "labels.jsonl:2: a second label for the reply of"),
    ],
)
def test_a_bad_label_is_told_with_file_line_and_key(
    tmp_path: Path, lines: list[str], words: str
) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(LabelError) as caught:
        read_labels(path)
    assert words in str(caught.value)


def test_a_file_of_labels_that_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="cannot be read: Is a directory"):
        read_labels(tmp_path)
    with pytest.raises(LabelError, match="cannot be written: Is a directory"):
        add_label(tmp_path, "x", ReplyLabel("layer-norm", "1", ()))


def test_the_order_tells_nothing_of_arms_and_is_the_same_each_time() -> None:
    many = run_of(60)
    order = [record.id for record, _ in unlabelled(many, ())]
    assert order == [record.id for record, _ in unlabelled(many, ())]
    assert len(order) == 60
    first = order[:20]
    assert 3 <= sum(one.startswith("skill/") for one in first) <= 12
    assert first != sorted(first)


def test_what_is_labelled_or_has_nothing_to_label_is_not_offered() -> None:
    some = run_of(3)
    one, two, three = some.records
    results = replace(some, records=(one, replace(two, traps=()), replace(three, held=None)))
    assert [record.id for record, _ in unlabelled(results, ())] == [one.id]
    assert list(unlabelled(results, (ReplyLabel(one.scenario, one.sha256, ()),))) == []
    equal = replace(some, records=tuple(replace(r, sha256="1" * 64) for r in some.records))
    assert len(list(unlabelled(equal, ()))) == 1


def test_a_person_is_asked_about_each_quote_and_about_what_was_missed(folder: Path) -> None:
    asked = [record for record, _ in unlabelled(run_of(6), ())]
    said = "".join("n\n\n" if record.traps[0].quote else "no-time\n" for record in asked[:4])
    done = label(folder, said + "q\n")
    assert done.exit_code == 0, done.output
    assert "replies labelled: 4, in " in done.stdout
    for secret in ("baseline", "skill/", "held"):
        assert secret not in done.stdout.replace(str(folder), "")
    known = read_labels(folder / "labels.jsonl")
    assert [(one.sha256, one.makes_excuse) for one in known] == [
        (record.sha256, record.traps[0].quote is None) for record in asked[:4]
    ]
    html = (folder / "report.html").read_text()
    assert "labels, n = " in html
    assert "Angelopoulos" in html


def test_a_reply_that_was_begun_is_asked_about_again_and_those_done_are_not(folder: Path) -> None:
    done = label(folder, "y\n\n" if next(unlabelled(run_of(6), ()))[0].traps[0].quote else "\n")
    assert done.exit_code == 130
    assert "replies labelled: 1, in " in done.stderr
    known = read_labels(folder / "labels.jsonl")
    assert len(known) == 1
    again = label(folder, "q\n")
    assert again.exit_code == 0
    assert read_labels(folder / "labels.jsonl") == known


def test_an_unknown_excuse_is_asked_for_again(folder: Path) -> None:
    first = next(unlabelled(run_of(6), ()))[0]
    done = label(folder, "n\n" * bool(first.traps[0].quote) + "notime\nno-time\nq\n")
    assert "notime: expected names of the list" in done.stdout
    assert read_labels(folder / "labels.jsonl")[0].missed == ("no-time",)


def test_labels_serve_a_report_of_another_run_and_change_no_verdict(folder: Path) -> None:
    rows = [LABEL | {"sha256": f"{n:064}", "marks": [MARK | {"right": False}]} for n in (2, 4)]
    (folder / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    before = (folder / "results.json").read_bytes()
    arguments = ["report", str(folder), "--labels", str(folder / "mine.jsonl")]
    done = CliRunner().invoke(main, [*arguments, "--out", str(folder / "x")])
    assert done.exit_code == 0, done.output
    assert "labels, n = 2" in (folder / "x" / "report.html").read_text()
    assert (folder / "x" / "results.json").read_bytes() == before


def test_labels_that_are_named_must_be_there(folder: Path) -> None:
    done = CliRunner().invoke(main, ["report", str(folder), "--labels", str(folder / "none")])
    assert done.exit_code == 2
    assert "no such file" in done.stderr
