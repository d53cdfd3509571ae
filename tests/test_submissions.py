"""Folders, files and JSON Lines become submissions; what cannot be run says why."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_results import peak_bytes

from harness.code.lines import split_lines
from harness.errors import SubmissionError
from harness.model import Arm, Dose, Guide, Submission
from harness.read.submissions import MAX_BYTES, arms, discover, each, read_one, snippets

IDS = {"learnable-swish": ("swish_beta",), "second-order": ("quadratic_form", "hvp")}
FUNCTION = """import torch
class S(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x
    @staticmethod
    def backward(ctx, g): return g
def swish_beta(x, beta): return S.apply(x)
"""


def put(path: Path, content: str | bytes = FUNCTION) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def ids(path: Path) -> list[str]:
    return [submission.id for submission in discover([path], IDS)]


def reply(tmp_path: Path, text: str, scenario: str = "learnable-swish") -> Submission:
    return read_one(put(tmp_path / "r.md", text), scenario, IDS[scenario])


def block(code: str, label: str = "python") -> str:
    return f"```{label}\n{code.rstrip()}\n```\n"


# --------------------------------------------------------------------------
# Layout


def test_a_solutions_folder_is_read_by_its_layout(tmp_path: Path) -> None:
    root = tmp_path / "solutions"
    put(root / "baseline/ann/learnable-swish.py")
    put(root / "skill/ann/second-order/2.py")
    put(root / "skill/ann/second-order/10.md")
    put(root / "skill/bob/learnable-swish.md", block(FUNCTION))
    put(root / "README.md")
    put(root / "skill/labels.json", "{}")
    put(root / "skill/.hidden/learnable-swish.py")
    put(root / "skill/ann/.learnable-swish.py")
    put(root / "skill/ann/__pycache__/second-order.py")
    assert ids(root) == [
        "baseline/ann/learnable-swish/1",
        "skill/ann/second-order/2",
        "skill/ann/second-order/10",
        "skill/bob/learnable-swish/1",
    ]


@pytest.mark.parametrize(
    ("given_path", "expected"),
    [
        ("solutions", "base/ann"),
        ("solutions/base", "base/ann"),
        ("solutions/base/ann", "base/ann"),
        ("solutions/base/ann/learnable-swish.py", "base/ann"),
        ("", "base/ann"),
    ],
)
def test_arm_and_submitter_are_the_same_from_wherever_one_points(
    given_path: str, expected: str, tmp_path: Path
) -> None:
    put(tmp_path / "solutions/base/ann/learnable-swish.py")
    assert ids(tmp_path / given_path) == [f"{expected}/learnable-swish/1"]


@pytest.mark.parametrize("given_path", ["", "learnable-swish", "learnable-swish/3.py"])
def test_a_numbered_sample_keeps_its_place_from_wherever_one_points(
    given_path: str, tmp_path: Path
) -> None:
    put(tmp_path / "solutions/base/ann/learnable-swish/3.py")
    assert ids(tmp_path / "solutions/base/ann" / given_path) == ["base/ann/learnable-swish/3"]


def test_a_root_may_be_marked_by_its_arms_file(tmp_path: Path) -> None:
    put(tmp_path / "answers/arms.yaml", "base: {}")
    put(tmp_path / "answers/base/learnable-swish.py")
    assert ids(tmp_path / "answers") == ["base/unknown/learnable-swish/1"]
    assert ids(tmp_path / "answers/base") == ["base/unknown/learnable-swish/1"]


def test_an_unmarked_arm_folder_gives_its_name(tmp_path: Path) -> None:
    put(tmp_path / "base/ann/learnable-swish.py")
    assert ids(tmp_path / "base") == ["base/ann/learnable-swish/1"]


def test_a_lone_file_is_adhoc(tmp_path: Path) -> None:
    put(tmp_path / "ann/learnable-swish.py")
    assert ids(tmp_path / "ann/learnable-swish.py") == ["adhoc/ann/learnable-swish/1"]
    assert ids(tmp_path / "ann") == ["adhoc/ann/learnable-swish/1"]


def test_one_file_can_be_read_under_any_name(tmp_path: Path) -> None:
    submission = read_one(put(tmp_path / "mine.py"), "learnable-swish")
    assert submission.id == "adhoc/mine/learnable-swish/1"
    assert submission.problem is None


def test_overlapping_paths_give_each_file_once(tmp_path: Path) -> None:
    file = put(tmp_path / "solutions/base/ann/learnable-swish.py")
    assert len(discover([tmp_path / "solutions", file.parent, file], IDS)) == 1


def test_links_out_of_the_tree_are_not_followed(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside/learnable-swish.py")
    folder = tmp_path / "solutions/base/ann"
    folder.mkdir(parents=True)
    (folder / "second-order.py").symlink_to(outside)
    (folder / "linked").symlink_to(outside.parent)
    (folder / "loop").symlink_to(folder.parent)
    (folder / "learnable-swish.md").symlink_to(tmp_path / "gone")
    assert ids(tmp_path / "solutions") == []


def test_pipes_and_folders_with_a_solution_s_name_are_ignored(tmp_path: Path) -> None:
    folder = tmp_path / "solutions/base/ann"
    (folder / "learnable-swish.py").mkdir(parents=True)
    os.mkfifo(folder / "second-order.py")
    assert ids(tmp_path / "solutions") == []


def test_an_unknown_scenario_names_the_file_the_nearest_and_the_valid_ids(tmp_path: Path) -> None:
    put(tmp_path / "solutions/base/ann/learnable-swsh.py")
    with pytest.raises(SubmissionError) as caught:
        ids(tmp_path)
    message = str(caught.value)
    assert "learnable-swsh.py: unknown scenario" in message
    assert "Did you mean 'learnable-swish'?" in message
    assert "Valid ids: learnable-swish, second-order" in message


def test_a_numbered_file_outside_a_scenario_folder_names_the_folder(tmp_path: Path) -> None:
    put(tmp_path / "solutions/base/ann/swish/1.py")
    with pytest.raises(SubmissionError, match="unknown scenario 'swish'"):
        ids(tmp_path)


def test_a_sample_needs_a_number(tmp_path: Path) -> None:
    put(tmp_path / "solutions/base/ann/learnable-swish/first.py")
    with pytest.raises(SubmissionError, match="expected a number from 0 or from 1"):
        ids(tmp_path)


def test_samples_that_are_counted_from_zero_are_one_higher(tmp_path: Path) -> None:
    for name in ("0.py", "1.py", "2.md"):
        put(tmp_path / "solutions/base/ann/learnable-swish" / name)
    found = discover([tmp_path / "solutions"], IDS)
    assert [(s.sample, Path(s.path).name) for s in found] == [
        (1, "0.py"),
        (2, "1.py"),
        (3, "2.md"),
    ]


def test_two_files_for_one_sample_are_refused(tmp_path: Path) -> None:
    put(tmp_path / "solutions/base/ann/learnable-swish.py")
    put(tmp_path / "solutions/base/ann/learnable-swish.md", block(FUNCTION))
    with pytest.raises(SubmissionError, match=r"are both base/ann/learnable-swish/1; keep several"):
        ids(tmp_path)


def test_a_path_that_is_not_there_or_no_solution_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="no such file or folder; give a solutions folder"):
        ids(tmp_path / "nowhere")
    with pytest.raises(SubmissionError, match=r"expected a \.py, \.md, \.json, \.jsonl, \.traj or"):
        ids(put(tmp_path / "x.txt"))
    with pytest.raises(SubmissionError, match=r"or \.eval file, found '\.txt'"):
        read_one(tmp_path / "x.txt", "second-order")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"gone\.py: cannot be read: No such file"):
        read_one(tmp_path / "gone.py", "second-order")
    link = tmp_path / "solutions/a/b"
    link.mkdir(parents=True)
    with pytest.raises(SubmissionError, match="cannot be read: Is a directory"):
        read_one(put_folder(tmp_path / "folder.py"), "second-order")


def put_folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_ids_and_names_are_printable(tmp_path: Path) -> None:
    put(tmp_path / "solutions/ba\x1b[31mse/a\u202enn/learnable-swish.py")
    (submission,) = discover([tmp_path / "solutions"], IDS)
    assert submission.id == "ba\\x1b[31mse/a\\u202enn/learnable-swish/1"
    assert submission.id.isprintable()


def test_bare_ids_are_enough(tmp_path: Path) -> None:
    put(tmp_path / "solutions/base/ann/learnable-swish.md", block(FUNCTION))
    (submission,) = discover([tmp_path / "solutions"], list(IDS))
    assert submission.code == FUNCTION


# --------------------------------------------------------------------------
# What cannot be run


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"x = '\xff'\n", "is not UTF-8 text: byte 0xff on line 1"),
        (b"#" * (MAX_BYTES + 1), "is 2.0 MiB (2,097,153 bytes); a submission may have 2 MiB"),
        (b"#" * 5_000_000, "is 4.8 MiB (5,000,000 bytes); a submission may have 2 MiB"),
    ],
)
def test_content_that_cannot_be_run_is_a_problem_of_the_submission(
    content: bytes, problem: str, tmp_path: Path
) -> None:
    submission = read_one(put(tmp_path / "s.py", content), "learnable-swish")
    assert submission.problem == problem
    assert submission.code is None


def test_code_that_does_not_parse_is_kept_with_its_line(tmp_path: Path) -> None:
    submission = read_one(put(tmp_path / "s.py", "x = 1\ndef f(:\n"), "learnable-swish")
    assert submission.code == "x = 1\ndef f(:\n"
    assert (submission.problem or "").startswith("does not parse: line 2: ")


@pytest.mark.parametrize("code", ["x = '\0'", "return 1", "-" * 20_000 + "1", "(" * 3000])
def test_hostile_code_is_a_problem_too(code: str, tmp_path: Path) -> None:
    problem = read_one(put(tmp_path / "s.py", code), "learnable-swish").problem
    assert (problem or "").startswith("does not parse: line 1: ")


def test_a_reply_of_too_many_lines_is_a_problem_that_says_how_many(tmp_path: Path) -> None:
    text = block(FUNCTION) + "- a\n" * 20_000
    problem = read_one(put(tmp_path / "s.md", text), "learnable-swish").problem
    count = text.count("\n") + 1
    assert problem == f"has {count:,} lines; a reply may have 20,000"


def test_a_broken_file_with_a_fence_says_how_to_send_markdown(tmp_path: Path) -> None:
    submission = read_one(put(tmp_path / "s.py", "Here:\n" + block(FUNCTION)), "learnable-swish")
    assert "save it as .md" in (submission.problem or "")


def test_the_hash_is_of_the_bytes_as_received(tmp_path: Path) -> None:
    raw = b"\xef\xbb\xbfx = 1\r\n"
    submission = read_one(put(tmp_path / "s.py", raw), "learnable-swish")
    assert submission.sha256 == hashlib.sha256(raw).hexdigest()
    assert submission.code == "x = 1\r\n"


def test_the_hash_of_a_file_that_is_not_read_is_of_all_its_bytes(tmp_path: Path) -> None:
    raw = b"#" * (3 * MAX_BYTES) + b"x"
    path = put(tmp_path / "s.py", raw)
    assert read_one(path, "learnable-swish").sha256 == hashlib.sha256(raw).hexdigest()
    assert peak_bytes(lambda: read_one(path, "learnable-swish")) < 2 * MAX_BYTES


# --------------------------------------------------------------------------
# Replies


def test_the_block_that_defines_the_entry_point_is_the_submission(tmp_path: Path) -> None:
    text = (
        "Install:\n\n"
        + block("pip install torch", "bash")
        + "\n"
        + block(FUNCTION)
        + "\nUse it:\n\n"
        + block("from s import swish_beta\ny = swish_beta(x, b)")
        + "\nIt prints\n\n"
        + block("tensor(1.)", "text")
    )
    submission = reply(tmp_path, text)
    assert submission.code == FUNCTION
    assert text.split("\n")[submission.code_line - 1] == "import torch"
    assert [p.text for p in submission.prose] == ["Install:", "Use it:", "It prints"]
    assert [text.split("\n")[p.line - 1] for p in submission.prose] == [
        "Install:",
        "Use it:",
        "It prints",
    ]


@pytest.mark.parametrize(
    "label", ["", "py", "python", "python3", "Python", "{.python}", "python title=a"]
)
def test_python_and_unlabelled_fences_count(label: str, tmp_path: Path) -> None:
    assert reply(tmp_path, block(FUNCTION, label)).code == FUNCTION


@pytest.mark.parametrize("label", ["bash", "text", "diff", "json", "cpp"])
def test_other_fences_do_not(label: str, tmp_path: Path) -> None:
    submission = reply(tmp_path, block(FUNCTION, label))
    assert submission.code is None
    assert submission.problem == "has no Python code: put the solution into a ```python block"


def test_the_last_complete_block_counts_where_the_reply_revises_itself(tmp_path: Path) -> None:
    later = FUNCTION.replace("return g", "return 2 * g")
    submission = reply(tmp_path, block(FUNCTION) + "\nBetter:\n\n" + block(later))
    assert submission.code == later


def test_a_built_in_alternative_after_the_answer_is_not_it(tmp_path: Path) -> None:
    other = "import torch\ndef swish_beta(x, beta): return torch.nn.functional.silu(x)\n"
    submission = reply(tmp_path, block(FUNCTION) + "\nOr simply:\n\n" + block(other))
    assert submission.code == FUNCTION


def test_a_fragment_that_needs_the_answer_is_not_it(tmp_path: Path) -> None:
    usage = "def swish_beta(x, beta): return S.apply(x).sum()\n"
    assert reply(tmp_path, block(FUNCTION) + "\n" + block(usage)).code == FUNCTION


def test_a_broken_revision_does_not_hide_a_complete_answer(tmp_path: Path) -> None:
    assert reply(tmp_path, block(FUNCTION) + "\n" + block("def swish_beta(:")).code == FUNCTION


def test_entry_points_spread_over_blocks_are_joined_on_their_lines(tmp_path: Path) -> None:
    parts = ["import torch\n", *FUNCTION.split("import torch\n")[1].split("def swish_beta")]
    text = (
        block(parts[0])
        + "\nThen\n\n"
        + block("print('output')")
        + "\n"
        + block(parts[1])
        + "\nand\n\n"
        + block("def swish_beta" + parts[2])
    )
    submission = reply(tmp_path, text)
    assert submission.problem is None
    assert submission.code is not None
    assert "print" not in submission.code
    lines = text.split("\n")
    for number, line in enumerate(submission.code.split("\n")):
        assert not line or lines[submission.code_line - 1 + number] == line


def test_code_in_a_list_or_a_quote_loses_its_indentation_and_keeps_its_line(tmp_path: Path) -> None:
    inner = "".join(f"   {line}\n" for line in block(FUNCTION).splitlines())
    submission = reply(tmp_path, f"1. First\n\n{inner}\n2. Second\n")
    assert submission.code == FUNCTION
    assert submission.code_line == 4
    assert [p.text for p in submission.prose] == ["1. First", "2. Second"]


def test_longer_and_tilde_fences_and_an_open_end_are_understood(tmp_path: Path) -> None:
    assert reply(tmp_path, f"~~~python\n{FUNCTION}~~~\nBye").prose[0].text == "Bye"
    nested = f"````python\n{FUNCTION}'''\n```\n'''\n````\n"
    assert "```" in (reply(tmp_path, nested).code or "")
    assert reply(tmp_path, f"Cut off:\n\n```python\n{FUNCTION}").code == FUNCTION


def test_carriage_returns_do_not_shift_lines(tmp_path: Path) -> None:
    text = ("Hi\n\n" + block(FUNCTION) + "\nBye\n").replace("\n", "\r\n")
    submission = reply(tmp_path, text)
    assert submission.code == FUNCTION
    assert submission.code_line == 4
    assert [(p.text, p.line) for p in submission.prose] == [("Hi", 1), ("Bye", 13)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("I would rather not.", "has no Python code: put the solution into a ```python block"),
        (block("print(1)"), "has code blocks, but none of them defines swish_beta"),
        (block("def helper(): pass"), "has code blocks, but none of them defines swish_beta"),
    ],
)
def test_a_reply_without_the_code_says_what_is_missing(
    text: str, problem: str, tmp_path: Path
) -> None:
    submission = reply(tmp_path, text)
    assert submission.problem == problem
    assert submission.code is None


def test_a_function_under_another_name_gets_its_chance(tmp_path: Path) -> None:
    code = FUNCTION.replace("swish_beta", "swish")
    submission = reply(tmp_path, block(code))
    assert (submission.code, submission.problem) == (code, None)


def test_a_reply_whose_code_is_broken_names_the_line_of_the_reply(tmp_path: Path) -> None:
    submission = reply(tmp_path, "Hi\n\n" + block("import torch\ndef swish_beta(:"))
    assert (submission.problem or "").startswith("does not parse: line 5: ")
    assert submission.code is not None


def test_markdown_that_is_nothing_but_code_is_code(tmp_path: Path) -> None:
    assert reply(tmp_path, FUNCTION).code == FUNCTION
    assert reply(tmp_path, "ok").code is None


def test_an_entry_point_may_be_assigned(tmp_path: Path) -> None:
    code = FUNCTION.split("def swish_beta")[0] + "swish_beta = S.apply\n"
    assert reply(tmp_path, block(code) + block("z = swish_beta(1)")).code == code


def test_some_of_several_entry_points_are_better_than_none(tmp_path: Path) -> None:
    submission = reply(tmp_path, block("def hvp(x, A, v): return v"), "second-order")
    assert submission.code == "def hvp(x, A, v): return v\n"


def test_snippets_hold_fenced_and_inline_code_with_lines() -> None:
    text = "Run `f(1)`\nor ``g(`2`)``.\n\n" + block("h()") + "\n" + block("ls", "bash")
    assert [(s.code, s.line, s.fenced) for s in snippets(text)] == [
        ("f(1)", 1, False),
        ("g(`2`)", 2, False),
        ("h()\n", 5, True),
    ]


# --------------------------------------------------------------------------
# JSON Lines


def lines(tmp_path: Path, *records: object) -> Path:
    text = "\n".join(r if isinstance(r, str) else json.dumps(r) for r in records)
    return put(tmp_path / "solutions/base/run.jsonl", text)


def test_json_lines_give_code_and_replies_and_number_samples(tmp_path: Path) -> None:
    path = lines(
        tmp_path,
        {"task_id": "learnable-swish", "solution": FUNCTION, "metadata": 1},
        "",
        {"task_id": "learnable-swish", "completion": "Hi\n\n" + block(FUNCTION)},
        {"task_id": "learnable-swish", "solution": FUNCTION, "model": "lab/net", "arm": "skill"},
    )
    found = {s.id: s for s in discover([path], IDS)}
    assert list(found) == [
        "base/run/learnable-swish/1",
        "base/run/learnable-swish/2",
        "skill/lab-net/learnable-swish/1",
    ]
    assert found["base/run/learnable-swish/1"].kind == "python"
    assert found["base/run/learnable-swish/2"].code_line == 4
    assert discover([path.parent.parent], IDS) == discover([path], IDS)


def test_a_completion_without_a_fence_may_be_code(tmp_path: Path) -> None:
    path = lines(tmp_path, {"task_id": "learnable-swish", "completion": FUNCTION})
    assert discover([path], IDS)[0].code == FUNCTION


def test_given_sample_ids_are_kept_and_counted_from_one(tmp_path: Path) -> None:
    base = {"task_id": "learnable-swish", "solution": FUNCTION}
    kept = lines(tmp_path, base | {"sample_id": 2}, base, base | {"sample_id": 1})
    assert [s.sample for s in discover([kept], IDS)] == [1, 2, 3]
    zero = lines(tmp_path, base | {"sample_id": 1}, base | {"sample_id": 0})
    assert [s.sample for s in discover([zero], IDS)] == [1, 2]


def test_samples_are_numbered_by_task_however_the_lines_are_mixed(tmp_path: Path) -> None:
    base = {"solution": FUNCTION}
    one, other = (base | {"task_id": "learnable-swish", "arm": arm} for arm in ("a", "b"))
    path = lines(tmp_path, one, other, one | {"sample_id": 1}, other, one)
    found = [(s.arm, s.sample) for s in each([path], IDS)]
    assert found == [("a", 2), ("b", 1), ("a", 1), ("b", 2), ("a", 3)]


def test_a_large_file_is_read_with_one_record_in_memory(tmp_path: Path) -> None:
    base = {"task_id": "learnable-swish"}
    path = lines(tmp_path, *(base | {"solution": f"x = '{n:0100000}'"} for n in range(150)))

    def read() -> None:
        assert sum(len(s.text) for s in each([path], IDS)) > 15_000_000

    assert peak_bytes(read) < 2_000_000


def test_lines_that_are_added_while_a_file_is_read_are_left_out(tmp_path: Path) -> None:
    record = {"task_id": "learnable-swish", "solution": FUNCTION}
    # No buffer reaches its end before more is added.
    path = lines(tmp_path, record, record | {"metadata": "x" * 1_000_000})
    found = each([path], IDS)
    next(found)
    with path.open("a") as file:
        file.write("\n" + json.dumps(record))
    assert [submission.sample for submission in found] == [2]


def test_a_surrogate_in_a_record_does_no_harm(tmp_path: Path) -> None:
    path = lines(tmp_path, '{"task_id": "learnable-swish", "solution": "x = \'\\ud800\'"}')
    assert discover([path], IDS)[0].text == "x = '?'"


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("{", "run.jsonl:2: not JSON"),
        ("[1]", "run.jsonl:2: found a list; expected"),
        ("[" * 100_000, "run.jsonl:2: not JSON"),
        ({"solution": "x"}, "run.jsonl:2: key 'task_id': Field required, found nothing"),
        ({"task_id": 3, "solution": "x"}, "key 'task_id': Input should be a valid string, found 3"),
        ({"task_id": "learnable-swish"}, "found neither of 'solution' and 'completion'"),
        (
            {"task_id": "learnable-swish", "solution": "", "completion": ""},
            "found both of 'solution' and 'completion'",
        ),
        ({"task_id": "learnable-swish", "solution": "x", "sample_id": -1}, "key 'sample_id'"),
        ({"task_id": "swish", "solution": "x"}, "run.jsonl:2: unknown scenario 'swish'"),
    ],
)
def test_a_malformed_record_names_file_and_line(
    record: object, message: str, tmp_path: Path
) -> None:
    good = {"task_id": "learnable-swish", "solution": FUNCTION}
    with pytest.raises(SubmissionError) as caught:
        discover([lines(tmp_path, good, record)], IDS)
    assert message in str(caught.value)


def test_a_line_of_any_length_is_refused_with_its_size_and_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.read.submissions.records.MAX_LINE_BYTES", 1 << 20)
    good = {"task_id": "learnable-swish", "solution": FUNCTION}
    path = lines(tmp_path, good, good | {"metadata": "x" * (40 << 20)}, good)

    def read() -> None:
        expected = r"run\.jsonl:2: the line is longer than 1 MiB, found 40\.0 MiB; shorten"
        with pytest.raises(SubmissionError, match=expected):
            discover([path], IDS)

    assert peak_bytes(read) < 10 << 20


def test_a_record_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "r.jsonl", b'{"task_id": "\xff"}')
    with pytest.raises(SubmissionError, match=r"r\.jsonl:1: not UTF-8: byte 0xff"):
        discover([path], IDS)


def test_a_sample_id_given_twice_is_refused(tmp_path: Path) -> None:
    record = {"task_id": "learnable-swish", "solution": FUNCTION, "sample_id": 1}
    with pytest.raises(SubmissionError, match=r"run\.jsonl:2: sample_id 1 .* already given in"):
        discover([lines(tmp_path, record, record)], IDS)


def test_a_records_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    path = lines(tmp_path, {})
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SubmissionError, match=r"run\.jsonl: cannot be read: Permission denied"):
        discover([path], IDS)


# --------------------------------------------------------------------------
# Arms


def with_arms(tmp_path: Path, text: str) -> tuple[Arm, ...]:
    root = tmp_path / "solutions"
    for arm in ("skill", "baseline", "other"):
        put(root / arm / "ann/learnable-swish.py")
    put(root / "arms.yaml", text)
    return arms([root], discover([root], IDS))


def test_arms_come_in_the_order_of_their_file_and_only_if_present(tmp_path: Path) -> None:
    found = with_arms(
        tmp_path,
        "skill: {skill: true, pressured: true, description: With it}\nbaseline:\nunused: {}\n",
    )
    assert found == (
        Arm("skill", Guide.WITH, Dose.PRESSURED, "With it"),
        Arm("baseline"),
        Arm("other"),
    )


def test_an_arm_says_which_guide_was_read_and_how_hard_it_was_pressed(tmp_path: Path) -> None:
    text = "skill: {skill: placebo, dose: 2}\nbaseline: {skill: false, pressured: true, dose: 2}\n"
    assert with_arms(tmp_path, text)[:2] == (
        Arm("skill", Guide.PLACEBO, Dose.PUSHED_BACK),
        Arm("baseline", Guide.WITHOUT, Dose.PUSHED_BACK),
    )
    assert [arm.is_condition for arm in with_arms(tmp_path, text)] == [True, True, False]
    with pytest.raises(SubmissionError, match="pressured is false and dose is 1"):
        with_arms(tmp_path, "skill: {pressured: false, dose: 1}")


def test_arms_are_found_from_below(tmp_path: Path) -> None:
    with_arms(tmp_path, "skill: {skill: true}")
    file = tmp_path / "solutions/skill/ann/learnable-swish.py"
    assert arms([file], discover([file], IDS)) == (Arm("skill", Guide.WITH),)


def test_an_empty_or_missing_file_says_nothing(tmp_path: Path) -> None:
    assert {a.guide for a in with_arms(tmp_path, "")} == {None}
    (tmp_path / "solutions/arms.yaml").unlink()
    root = tmp_path / "solutions"
    assert [a.name for a in arms([root], discover([root], IDS))] == ["baseline", "other", "skill"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "arms.yaml:1: found ['a'] (a list), expected a mapping. Write key: value pairs"),
        ("a", "arms.yaml:1: found 'a' (a string), expected a mapping."),
        ("a: {\n", "found a YAML syntax error"),
        ("1: {}", "arms.yaml:1: found the key 1 (an integer), expected a key that is a string."),
        ("a: {}\na: {}", "arms.yaml:2: a: found the key 'a' again, first on line 1, expected each"),
        ("a: {}\nb: {skil: true}", "arms.yaml:2: b.skil: found the unknown key 'skil', expected"),
        ("b: {skil: true}", "Did you mean 'skill'? Rename the key or delete it."),
        ("b: {skill: 1}", "b.skill: found 1 (an integer), expected true, false or placebo. Write"),
        (
            "b: {skill: yes}",
            "b.skill: found 'yes' (a string), expected true, false or placebo. Write",
        ),
        ("b: 3", "arms.yaml:1: b: found 3 (an integer), expected a mapping. Write key: value"),
        ("b: !!python/name:os.system", "arms.yaml:1: b: found the tag"),
        ("a: &x {}\nb: *x", "2 problems in 1 file:"),
        ("b\0: 3", "found a control character"),
        ('"b\\e[2J": 3', "arms.yaml:1: b\\x1b[2J: found 3"),
    ],
)
def test_a_wrong_arms_file_names_line_key_and_remedy(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(SubmissionError) as caught:
        with_arms(tmp_path, text)
    assert message in str(caught.value)


def test_two_descriptions_of_one_arm_must_agree(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put(tmp_path / name / "arms.yaml", f"skill: {{description: {name}}}")
    with pytest.raises(SubmissionError, match="described differently"):
        arms([tmp_path / "a", tmp_path / "b"], ())


# --------------------------------------------------------------------------
# Anything at all

_MARKDOWN = st.lists(
    st.sampled_from(
        [
            "```python\n",
            "```\n",
            "~~~\n",
            "> ",
            "- ",
            "1. ",
            "    ",
            "\n",
            "\r\n",
            "\r",
            "def swish_beta():\n",
            "  pass\n",
            "import x\n",
            "words ",
            "`",
            "# ",
            "\t",
            "|",
            "<!--",
            "-->",
            "[a]: b\n",
            "\x0c",
            "\u2028",
        ]
    ),
    max_size=40,
).map("".join)


@given(
    st.one_of(st.binary(max_size=300), _MARKDOWN.map(str.encode), st.text().map(str.encode)),
    st.sampled_from(["learnable-swish.py", "learnable-swish.md"]),
)
@settings(deadline=None, max_examples=300)
def test_any_bytes_become_a_submission_whose_lines_are_right(raw: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = put(Path(folder, "solutions/a/b", name), raw)
        (submission,) = discover([path], IDS)
    assert submission.sha256 == hashlib.sha256(raw).hexdigest()
    assert submission.code is not None or submission.problem
    for passage in submission.prose:
        assert passage.text in submission.text
    lines = split_lines(submission.text)
    for number, line in enumerate(split_lines(submission.code or ""), submission.code_line - 1):
        assert not line.strip() or line.split() == lines[number].split()[-len(line.split()) :]


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_as_json_lines_are_read_or_refused(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = put(Path(folder, "r.jsonl"), raw)
        try:
            discover([path], IDS)
        except SubmissionError as error:
            message = str(error)
        else:
            message = "r.jsonl:"
    assert "r.jsonl:" in message
