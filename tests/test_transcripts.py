"""Transcripts of every format become the same steps, the same files and a readable text."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import SubmissionError
from harness.model import Edit, Ending, Step, StepKind, Submission, Transcript
from harness.read.submissions import Asked, discover, read_one
from harness.read.transcripts import bundle, read, read_all, render, replay, shell
from harness.read.transcripts.shell import (
    Changed,
    Copied,
    Forged,
    Joined,
    PythonRun,
    Removed,
    Substituted,
    Written,
)
from harness.report.listing import code_is_in_place

HERE = Path(__file__).parent / "transcripts"
FIVE = ("swish_beta", "mish", "gelu", "elu", "selu")
OP = """import torch
class Op(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x * 2
    @staticmethod
    def backward(ctx, g): return g * 2
def op(x): return Op.apply(x)
"""


def load(value: object, name: str = "t.json") -> Transcript:
    return read(json.dumps(value).encode(), name)


def kinds(transcript: Transcript) -> list[str]:
    return [step.kind.value for step in transcript.steps]


def taken(folder: Path, messages: object, names: tuple[str, ...] = ("op",)) -> Submission:
    path = folder / "t.json"
    path.write_text(json.dumps(messages), encoding="utf-8")
    return read_one(path, "s", names)


def call(given: object, name: str = "tool") -> dict[str, Any]:
    use = {"type": "tool_use", "id": "1", "name": name, "input": given}
    return {"role": "assistant", "content": [use]}


# --------------------------------------------------------------------------
# Formats


def test_a_session_is_read_line_by_line() -> None:
    found = read_one(HERE / "session.jsonl", "five-activations", FIVE)
    assert found.transcript is not None
    assert found.transcript.format == "claude-code"
    assert dict(found.transcript.skipped) == {
        "line of type file-history-snapshot": 1,
        "line of type summary": 1,
        "line of type system": 1,
        "meta line": 1,
    }
    assert kinds(found.transcript)[:6] == ["user said", "thought", "said", "wrote", "result", "ran"]
    assert found.problem is None
    assert (found.kind, found.code is not None) == ("transcript", True)
    assert [found.code.count(f"def {name}(") for name in FIVE] == [1] * 5  # type: ignore[union-attr]


def test_the_agent_s_words_are_prose_and_nobody_else_s() -> None:
    found = read_one(HERE / "session.jsonl", "five-activations", FIVE)
    words = " ".join(passage.text for passage in found.prose)
    assert "I'll write them one at a time" in words
    for foreign in ("test the lot", "Caveat", "updated", "They want all five"):
        assert foreign not in words
    lines = found.text.split("\n")
    for passage in found.prose:
        assert lines[passage.line - 1] == passage.text.split("\n")[0]


def test_anthropic_messages_are_read() -> None:
    found = read_one(HERE / "anthropic.json", "five-activations", FIVE)
    assert found.transcript is not None
    assert found.transcript.format == "anthropic"
    ran = [step for step in found.transcript.steps if step.kind is StepKind.RAN]
    assert [(step.output, step.record) for step in ran] == [("all passed\n", 4)]
    assert code_is_in_place(found)


def test_an_openai_chat_is_read_and_invalid_arguments_are_counted() -> None:
    found = read_one(HERE / "openai.json", "learnable-swish", ("swish_beta",))
    assert found.transcript is not None
    assert found.transcript.format == "openai"
    assert dict(found.transcript.skipped) == {
        "call of write_file with arguments that are not JSON": 1,
        "developer message": 1,
    }
    assert found.code is not None
    assert "class SwishBeta" in found.code
    assert "not shown: 1 × call of write_file" in found.text


def test_records_may_bring_a_transcript_or_the_reply_behind_the_solution() -> None:
    ids = {"learnable-swish": ("swish_beta",)}
    both = discover([HERE / "records.jsonl"], ids)
    assert [s.kind for s in both] == ["transcript", "transcript"]
    raw, told = both
    assert raw.transcript is not None
    assert kinds(raw.transcript) == ["said", "wrote"]
    assert raw.prose[0].text == "I haven't run this; run gradcheck before you train."
    assert told.code is not None
    with pytest.raises(
        SubmissionError, match=r"expected a record with task_id 'x', found learnable-swish"
    ):
        read_one(HERE / "records.jsonl", "x")


def test_a_record_s_transcript_may_be_text_and_ends_with_its_solution(tmp_path: Path) -> None:
    chat = json.dumps([{"role": "assistant", "content": "Here it is."}])
    line = {"task_id": "s", "solution": OP, "transcript": chat}
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps(line) + "\n")
    found = read_one(path, "s", ("op",))
    assert found.code == OP
    assert [passage.text for passage in found.prose] == ["Here it is."]


def test_side_chains_act_but_do_not_speak() -> None:
    def line(kind: str, content: object, **more: object) -> dict[str, object]:
        return {"type": kind, "message": {"id": "m", "role": kind, "content": content}, **more}

    tool = {
        "type": "tool_use",
        "id": "1",
        "name": "Write",
        "input": {"path": "a.py", "content": ""},
    }
    told = {"type": "text", "text": "No time to test."}
    lines = [
        line("user", "Do it.", isSidechain=True),
        line("assistant", [told, tool], isSidechain=True),
        line("assistant", [told, tool], isSidechain=True),
        line("user", "so far …", isCompactSummary=True),
        line("assistant", "Done."),
    ]
    found = read("\n".join(map(json.dumps, lines)).encode() + b'\n{"type": "assis', "s.jsonl")
    # The repeated blocks of one message are one.
    assert kinds(found) == ["thought", "wrote", "said"]
    assert dict(found.skipped) == {
        "message to a side chain": 1,
        "summary": 1,
        "cut-off last line": 1,
    }


def inspect_log(*samples: dict[str, object]) -> dict[str, object]:
    return {"version": 2, "eval": {"model": "p/m"}, "samples": list(samples)}


def inspect_sample(epoch: int, **more: object) -> dict[str, object]:
    long = "attachment://" + "0a" * 16
    use = {"id": "1", "function": "bash", "arguments": {"cmd": "python op.py"}}
    return {
        "id": "op",
        "epoch": epoch,
        "messages": [
            {"role": "user", "content": "Do it."},
            {"role": "assistant", "content": [{"type": "text", "text": long}], "tool_calls": [use]},
            {"role": "tool", "content": "True", "tool_call_id": "1", **more},
        ],
        "attachments": {"0a" * 16: f"epoch {epoch}"},
        "metadata": {"arm": "skill"},
    }


def packed(path: Path, log: dict[str, Any], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("header.json", json.dumps({"eval": log["eval"]}))
        for sample in log["samples"]:
            name = f"samples/{sample['id']}_epoch_{sample['epoch']}.json"
            archive.writestr(name, json.dumps(sample))
    return path.read_bytes()


def test_an_inspect_log_has_any_number_of_samples_and_epochs(tmp_path: Path) -> None:
    error = {"type": "timeout", "message": "too long"}
    log = inspect_log(*(inspect_sample(n) for n in range(1, 11)), inspect_sample(11, error=error))
    plain = read_all(json.dumps(log).encode(), "t.json")
    zipped = read_all(packed(tmp_path / "t.eval", log), "t.eval")
    assert plain == zipped
    assert [(r.sample, r.task_id, r.model, r.arm) for r in plain] == [
        (n, "op", "p/m", "skill") for n in range(1, 12)
    ]
    assert kinds(plain[0].transcript) == ["user said", "said", "ran", "result"]
    assert [r.transcript.steps[1].text for r in plain][:2] == ["epoch 1", "epoch 2"]
    assert [r.transcript.steps[2].ending for r in plain[-2:]] == [None, Ending.STOPPED]
    with pytest.raises(SubmissionError, match="found 11 conversations, expected one"):
        read(json.dumps(log).encode(), "t.json")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"PK\x03\x04", "t.eval: this Inspect log is no archive"),
        (b'{"eval": {}}', "this Inspect log holds no sample; give one that was written with"),
        (b"\x28\xb5\x2f\xfd", "this Inspect log is no archive"),
    ],
)
def test_a_broken_inspect_log_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(SubmissionError, match=message):
        read(raw, "t.eval")


def test_a_log_whose_bytes_are_damaged_is_refused(tmp_path: Path) -> None:
    log = inspect_log(inspect_sample(1))
    raw = bytearray(packed(tmp_path / "t.eval", log, zipfile.ZIP_DEFLATED))
    at = raw.index(b"header.json") + len(b"header.json")
    raw[at : at + 8] = b"\xff" * 8
    with pytest.raises(SubmissionError, match=r"this Inspect log is broken at header\.json"):
        read(bytes(raw), "t.eval", tmp_path / "t.eval")


def test_a_log_that_inspect_alone_can_unpack_is_read_with_inspect_ai(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = inspect_log(inspect_sample(1))
    raw = packed(tmp_path / "t.eval", log, zipfile.ZIP_STORED)
    # A method that Python does not know, and is not taught either when Inspect is imported.
    raw = raw.replace(b"\x14\x00\x00\x00\x00\x00", b"\x14\x00\x00\x00\x62\x00")
    monkeypatch.setitem(sys.modules, "inspect_ai", None)
    monkeypatch.setitem(sys.modules, "inspect_ai.log", None)
    with pytest.raises(SubmissionError, match=r"pip install 'harness\[inspect\]'"):
        read(raw, "t.eval", tmp_path / "t.eval")

    def read_eval_log(path: str, *, resolve_attachments: bool) -> object:
        assert resolve_attachments
        if "broken" in path:
            raise ValueError("not a log")
        return SimpleNamespace(model_dump=lambda mode: log)

    package, module = ModuleType("inspect_ai"), ModuleType("inspect_ai.log")
    module.read_eval_log = read_eval_log  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "inspect_ai", package)
    monkeypatch.setitem(sys.modules, "inspect_ai.log", module)
    assert read(raw, "t.eval", tmp_path / "t.eval").format == "inspect"
    with pytest.raises(SubmissionError, match=r"cannot read it as a log \(not a log\)"):
        read(raw, "t.eval", tmp_path / "broken.eval")
    with pytest.raises(SubmissionError, match="must be a file of its own"):
        read(raw, "t.eval")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"\xff\xfe", "t.json: not UTF-8: byte 0xff at offset 0; expected a recorded"),
        (b"{", "t.json: not JSON"),
        (b"[" * 100_000, "t.json: nested too deeply"),
        (b"3", "t.json: found a int"),
        (b"{}", "t.json: found an object with no keys"),
        (b'{"a": 1, "b": 2}', "t.json: found an object with a, b;"),
        (b"[]", r"nothing in it is a message \(it is empty\)"),
        (b'[{"role": "judge"}, 1]', "1 × record with role 'judge', 1 × record without a role"),
        (b'{"type": "user", "message": {"content": []}}\n', "nothing in it is a message"),
        (b'{"a": 1}\nnot json\n{"a": 1}\n', "t.json: found lines of which none is a message"),
        (b"one\ntwo\n", "t.json: line 1: not JSON"),
        (b'{"solution": " "}', "nothing in it is a message"),
        (b'{"transcript": 3}', "t.json: transcript: found a int"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(raw: bytes, message: str) -> None:
    with pytest.raises(SubmissionError, match=message):
        read(raw, "t.json")


def test_nothing_is_dropped_silently() -> None:
    found = load(
        [
            {"role": "system", "content": "x"},
            {"role": "user", "content": [{"type": "image"}, 3, "hello"]},
            {"role": "user", "content": 3},
            call({"pattern": "x"}, "Grep"),
            {"role": "tool", "content": [{"type": "image"}, {"type": "text", "text": "y"}]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": 1}, 2]},
        ]
    )
    assert kinds(found) == ["user said", "looked", "result"]
    assert dict(found.skipped) == {
        "block image": 1,
        "block image in a result": 1,
        "block of type int": 1,
        "content of type int": 1,
        "system message": 1,
        "tool call without a function": 2,
    }


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"file_path": "a.py", "content": "x = 1"}, StepKind.WROTE),
        ({"command": "create", "path": "a.py", "file_text": "x = 1"}, StepKind.WROTE),
        ({"path": "a.py", "old_str": "x", "new_str": "y"}, StepKind.EDITED),
        ({"path": "a.py", "insert_line": 1, "insert_text": "y"}, StepKind.EDITED),
        ({"file_path": "a.py", "edits": [{"old_string": "x", "new_string": "y"}]}, StepKind.EDITED),
        ({"command": ["bash", "-lc", "ls"]}, StepKind.RAN),
        ({"cmd": "ls"}, StepKind.RAN),
        ({"code": "print(1)"}, StepKind.RAN),
    ],
)
def test_tools_are_told_by_the_shape_of_their_arguments(given: object, kind: StepKind) -> None:
    assert [step.kind for step in load([call(given)]).steps] == [kind]


# --------------------------------------------------------------------------
# Hostile input

KEYS = (
    "role content type message messages tool_calls function arguments id name input text command "
    "path edits old_str new_str insert_line code transcript solution is_error isSidechain"
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS.split()) | st.text(max_size=5),
            inner
            | st.sampled_from(
                ["assistant", "user", "tool", "tool_use", "tool_result", "text", "1", "a.py"]
            ),
            max_size=6,
        )
    ),
    max_leaves=30,
)


@settings(max_examples=300, deadline=None)
@given(JSON, st.booleans())
def test_no_json_crashes_the_reader(value: object, as_lines: bool) -> None:
    several = value if as_lines and isinstance(value, list) else [value]
    raw = "\n".join(map(json.dumps, several)).encode()
    try:
        found = read(raw, "t.json")
    except SubmissionError as error:
        refused = str(error)
    else:
        played = replay(found)
        assert render(found, None, "nowhere").text.encode()
        assert all(path.endswith(".py") for path in played.files)
        refused = "t.json"
    assert refused.startswith("t.json")


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("a'\"\\<>|&;(){}#$ \n-EOFpython.2")) | st.text())
def test_no_command_crashes_the_shell_reader(command: str) -> None:
    shell.read(command)


def test_lone_surrogates_can_be_written() -> None:
    found = read(b'[{"role": "assistant", "content": "a\\ud800b"}]', "t.json")
    assert render(found, None, "").text.encode()


# --------------------------------------------------------------------------
# Commands


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("cat > a.py <<'EOF'\nx = '$y'\nEOF", Written("a.py", "x = '$y'\n", False)),
        ("cat <<EOF >> 'a b.py'\nx\nEOF", Written("a b.py", "x\n", True)),
        ("cat <<-EOF | tee -a a.py\n\tx\n\tEOF", Written("a.py", "x\n", True)),
        ("tee a.py <<EOF\nx\nEOF", Written("a.py", "x\n", False)),
        ('echo "x = 1" > a.py', Written("a.py", "x = 1\n", False)),
        ("perl -pi -e 's/a/b/' a.py", Changed("perl -pi -e s/a/b/ a.py", ("a.py",))),
        (
            "sed -i 's/a/b/' a.py",
            Substituted(("s/a/b/",), False, ("a.py",), "sed -i s/a/b/ a.py"),
        ),
        ("cd /w && mv a.py b.py", Copied("/w/a.py", "/w/b.py", moves=True)),
        ("cat a.py b.py > c.py", Joined(("a.py", "b.py"), "c.py", False)),
        ("rm -f a.py", Removed("a.py")),
        ("python gen.py > a.py", Changed("python gen.py", ("a.py",))),
        ("printf 'a\\nb\\n' > a.py", Written("a.py", "a\nb\n", False)),
        ("ln -s /bin/true bin/python", Forged("ln -s /bin/true bin/python")),
        ("git checkout -- .", Changed("git checkout -- .", ())),
        ("python a.py", PythonRun("script", "", ("a.py",))),
        ("python -W error -m pkg.mod", PythonRun("script", "", ("pkg/mod.py",))),
        ("python3.11 -c 'x\ny'", PythonRun("inline", "x\ny", ())),
        ("if python a.py; then :; fi", PythonRun("script", "", ("a.py",))),
        ("python a.py -n 3", PythonRun("script", "", ("a.py",), arguments=("-n", "3"))),
        ("X=a.py; python $X", PythonRun("script", "", ("a.py",))),
        ("bash -lc 'python a.py'", PythonRun("script", "", ("a.py",))),
        ("pytest -q -k 'a or b' t.py", PythonRun("pytest", "", ("t.py",), only="a or b")),
        ("# python a.py\n python b.py", PythonRun("script", "", ("b.py",))),
        ("python \\\n  a.py", PythonRun("script", "", ("a.py",))),
    ],
)
def test_a_command_is_taken_apart(command: str, found: object) -> None:
    assert shell.read(command).actions[0][1] == found


@pytest.mark.parametrize(
    "command",
    ["python --version", "python", "echo python a.py", "which python", "cat a.py", "", "<", "'"],
)
def test_what_runs_and_writes_nothing_gives_nothing(command: str) -> None:
    assert shell.read(command).actions == ()


# --------------------------------------------------------------------------
# Files


def play(*steps: Step) -> Mapping[str, str]:
    return replay(Transcript(steps, "openai")).files


def wrote(content: str, path: str = "/w/a.py", **more: Any) -> Step:
    return Step(StepKind.WROTE, 1, content, path, **more)


def edited(*edits: Edit, path: str = "a.py") -> Step:
    return Step(StepKind.EDITED, 1, path=path, edits=edits)


def test_writes_and_edits_are_replayed() -> None:
    assert play(wrote("a b a"), edited(Edit("a", "c"))) == {"/w/a.py": "c b a"}
    assert play(wrote("a b a"), edited(Edit("a", "c", True))) == {"/w/a.py": "c b c"}
    assert play(wrote("a\nb\n"), edited(Edit("", "x", after_line=1))) == {"/w/a.py": "a\nx\nb\n"}
    assert play(wrote(""), edited(Edit("", "x"))) == {"/w/a.py": "x"}
    assert play(wrote("a"), wrote("b", failed=True)) == {"/w/a.py": "a"}
    assert play(wrote("a"), wrote("b", "a.py")) == {"/w/a.py": "b"}
    assert play(wrote("a", "notes.txt")) == {}


def test_a_line_is_inserted_where_python_counts_it() -> None:
    def after(line: int, content: str) -> str:
        (found,) = play(wrote(content), edited(Edit("", "x", after_line=line))).values()
        return found

    assert after(1, "a\x0cb\nc\n") == "a\x0cb\nx\nc\n"
    assert after(1, "a = '\u2028'\nc\n") == "a = '\u2028'\nx\nc\n"
    assert after(0, "a") == "x\na"
    assert after(1, "a") == after(9, "a") == "a\nx\n"


def test_imports_are_put_in_whatever_ends_the_lines() -> None:
    text = bundle({"part.py": "X = 1\r"}, "import os\rfrom part import X\rY = X\r")
    assert text.split() == ["X", "=", "1", "import", "os", "Y", "=", "X"]


def test_what_cannot_be_replayed_is_kept_in_mind() -> None:
    shell_edit = Step(StepKind.RAN, 1, "perl -pi -e s/a/b/ a.py")
    steps = (wrote("a"), edited(Edit("z", "y")), edited(path="b.py"), shell_edit)
    lost = replay(Transcript(steps, "openai")).lost
    assert [(one.step, one.path) for one in lost] == [(1, "/w/a.py"), (2, "b.py"), (3, "/w/a.py")]


def test_too_many_files_and_too_long_ones_are_not_kept() -> None:
    many = [wrote("x", f"{n}.py") for n in range(300)]
    assert len(play(*many)) == 100
    assert play(wrote("x" * 2_000_000)) == {}


def test_local_imports_are_put_in_front_and_their_main_guards_left_out() -> None:
    files = {
        "/w/ops/swish.py": "from __future__ import annotations\nS = 1\n"
        "if __name__ == '__main__':\n    1 / 0\n",
        "/w/tools.py": "from ops.swish import S\nT = S + 1\n",
    }
    main = (
        '"""Doc."""\nfrom __future__ import annotations\nimport math\n'
        "from ops.swish import S as Z\nimport tools as t\n"
        "def f():\n    import tools\n    return Z + t.T + tools.T\n"
    )
    scope: dict[str, Any] = {}
    exec(compile(bundle(files, main), "m", "exec"), scope)
    assert scope["f"]() == 5
    assert bundle(files, main, lambda content: False) == main
    assert bundle(files, "def (") == "def ("
    circle = {"a.py": "import b\nX = 1\n", "b.py": "import a\nY = 2\n"}
    assert "Y = 2" in bundle(circle, "import a\n")
    inline = bundle({"a.py": "X = 1\n"}, "import os; from a import X; Y = X\n")
    assert inline.split("\n")[-2:] == ["import os; pass; Y = X", ""]
    scope = {}
    exec(bundle({"a.py": "X = 1\n"}, "from a import X as Z; Y = Z\n"), scope)
    assert scope["Y"] == 1


# --------------------------------------------------------------------------
# The code at the end


def test_the_file_that_defines_the_entry_points_wins(tmp_path: Path) -> None:
    test = f"{OP}\ndef test_op(): pass\n"
    found = taken(
        tmp_path,
        [
            call({"path": "op.py", "content": OP}),
            call({"path": "test_op.py", "content": test}),
            call({"path": "other.py", "content": "x = 1"}),
        ],
    )
    assert found.code == OP
    assert "--- the code at the end (op.py) ---" in found.text


def test_one_file_per_function_is_one_submission(tmp_path: Path) -> None:
    other = OP.replace("Op", "Two").replace("def op", "def two")
    found = taken(
        tmp_path,
        [call({"path": "op.py", "content": OP}), call({"path": "two.py", "content": other})],
        ("op", "two"),
    )
    assert found.problem is None
    assert found.code is not None
    assert {"class Op", "class Two"} <= {line.split("(")[0] for line in found.code.split("\n")}


def test_a_stand_in_for_a_provided_module_is_not_put_in(tmp_path: Path) -> None:
    found = taken(
        tmp_path,
        [
            call({"path": "kernel.py", "content": "def square_affine(x): return x\n"}),
            call({"path": "op.py", "content": "import kernel\n" + OP}),
        ],
    )
    assert found.code == "import kernel\n" + OP


def test_without_files_the_last_complete_block_counts(tmp_path: Path) -> None:
    first, last = (f"Try:\n\n```python\n{OP}# {n}\n```\n" for n in (1, 2))
    messages = [{"role": "assistant", "content": text} for text in (first, last, "Done.")]
    assert taken(tmp_path, messages).code == OP + "# 2\n"


def test_without_code_the_problem_says_so(tmp_path: Path) -> None:
    said = {"role": "assistant", "content": "No."}
    assert taken(tmp_path, [said]).problem == "wrote no Python file, and shows no code for op"
    found = taken(tmp_path, [said, call({"path": "a.py", "content": "x = 1"})])
    assert found.problem == "wrote a.py, but none of it defines op"
    broken = taken(tmp_path, [call({"path": "a.py", "content": "def op(:\n"})])
    assert broken.problem is not None
    assert broken.problem.startswith("does not parse: line 5")


# --------------------------------------------------------------------------
# The text


def test_long_results_are_cut_and_nothing_else() -> None:
    steps = (
        Step(StepKind.RESULT, 1, "\n".join(map(str, range(1000)))),
        Step(StepKind.RESULT, 2, "x" * 50_000),
        Step(StepKind.SAID, 3, "y" * 50_000),
    )
    text = render(Transcript(steps, "openai"), None, "").text
    assert "… 880 more lines …" in text
    assert "… 38000 more characters …" in text
    assert "y" * 50_000 in text


def test_steps_know_their_lines() -> None:
    steps = (Step(StepKind.USER, 1, "a\nb"), wrote("x"), edited(Edit("x", "y")))
    rendered = render(Transcript(steps, "openai"), "x = 1", "a.py")
    lines = rendered.text.split("\n")
    for number, step in enumerate(rendered.transcript.steps, start=1):
        assert lines[step.line - 1].startswith(f"--- step {number},")
    assert lines[rendered.code_line - 1] == "x = 1"


# --------------------------------------------------------------------------
# Where they lie


def test_transcripts_lie_where_other_solutions_do(tmp_path: Path) -> None:
    root = tmp_path / "solutions"
    chat = json.dumps([{"role": "assistant", "content": "Hello."}])
    session = json.dumps({"type": "assistant", "message": {"content": "Hello."}}) + "\n"
    for name, text in (
        ("skill/ann/one.json", chat),
        ("skill/ann/two/1.json", chat),
        ("skill/ann/two/2.jsonl", session),
        ("skill/ann/settings.json", "{}"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    found = discover([root], {"one": (), "two": ()})
    assert [s.id for s in found] == ["skill/ann/one/1", "skill/ann/two/1", "skill/ann/two/2"]
    assert {s.kind for s in found} == {"transcript"}
    (root / "skill/ann/one.json").write_text('{"a": 1}')
    with pytest.raises(SubmissionError, match=r"one\.json: found an object with a; expected"):
        discover([root], {"one": (), "two": ()})


def test_an_empty_or_huge_transcript_is_its_own_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.json"
    path.write_text(" ")
    assert read_one(path, "s").problem == "is empty"
    monkeypatch.setattr("harness.read.submissions.content.MAX_TRANSCRIPT_BYTES", 1 << 20)
    path.write_text("[" + " " * (1 << 20) + "]")
    assert (
        read_one(path, "s").problem == "is 1.0 MiB (1,048,578 bytes); a submission may have 1 MiB"
    )


# --------------------------------------------------------------------------
# Transcripts that are made to keep the grader busy


def test_files_that_import_each_other_in_layers_are_read_once_each() -> None:
    """Ten layers of ten files: ten thousand million ways through them."""
    layers = {
        f"m{layer}_{n}.py": "".join(f"from m{layer + 1}_{k} import *\n" for k in range(10))
        for layer in range(10)
        for n in range(10)
    }
    text = bundle(layers, "".join(f"from m0_{k} import *\n" for k in range(10)) + OP)
    assert len(text) <= 100_000
    assert text.endswith(OP)


def test_a_file_of_many_states_is_followed_as_far_as_a_person_would_write() -> None:
    def edit(number: int) -> Step:
        change = Edit(f"a{number}\n", f"a{number + 1}\n")
        return Step(StepKind.EDITED, number, path="op.py", edits=(change,))

    first = Step(StepKind.WROTE, 0, OP + "# " + "x" * 50_000 + "a0\n", "op.py")
    played = replay(Transcript((first, *(edit(n) for n in range(6_000))), "", {}))
    assert len(played.changes) == 400
    assert {one.step for one in played.lost} == set(range(5_000, 6_001))
    assert "a4999\n" in played.files["op.py"]


def test_a_command_of_very_many_parts_is_not_taken_apart() -> None:
    assert len(shell.read("python a.py;" * 400).actions) == 400
    assert [action for _, action in shell.read("python a.py;" * 401).actions] == [
        Changed("a command too long to follow", ())
    ]


def test_only_the_first_result_of_a_call_is_its_result() -> None:
    result = {"type": "tool_result", "tool_use_id": "1", "content": "one"}
    again = {**result, "content": "two"}
    found = load([call({"command": "ls"}), {"role": "user", "content": [result, again]}])
    assert [step.output for step in found.steps] == ["one", None, None]


@pytest.mark.parametrize("provided", [(), ("parts",)])
def test_a_file_beside_the_answer_is_part_of_it_unless_the_request_provides_it(
    provided: tuple[str, ...], tmp_path: Path
) -> None:
    parts = "def slope(y):\n    return y * (1 - y)\n"
    swish = "from parts import slope\n\ndef swish_beta(x, beta):\n    return slope(x)\n"
    messages = [
        call({"file_path": "parts.py", "content": parts}),
        call({"file_path": "swish.py", "content": swish}),
    ]
    file = tmp_path / "t.json"
    file.write_text(json.dumps(messages))
    found = read_one(file, "learnable-swish", Asked(("swish_beta",), provided))
    assert found.code is not None
    assert ("def slope" in found.code) == (not provided)
    assert ("from parts import" in found.code) == bool(provided)
