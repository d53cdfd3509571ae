"""Every format of recorded conversations gives the same steps; broken files one clear error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from format_fixtures import BAD, CHECK, FIRST, FORMATS, GOOD, LAST, RUN, SILENT, TRACE
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import SubmissionError
from harness.model import Edit, Ending, Step, StepKind, Transcript
from harness.read import submissions
from harness.read.submissions.converting import convert
from harness.read.transcripts import Recorded, formats, javascript, read, read_all, render, replay
from harness.read.transcripts.formats.neutral import written
from harness.read.transcripts.outcome import fate, told, unframed
from harness.read.transcripts.patch import END, patched, replacements, whole_file

ROOT = Path(__file__).parent.parent
NAMES = sorted(FORMATS)
JSON_NAMES = [name for name in NAMES if name != "aider"]


def of_kind(transcript: Transcript, kind: StepKind) -> list[Step]:
    return [step for step in transcript.steps if step.kind is kind]


def chat(*calls: tuple[str, object, object]) -> Transcript:
    """A chat of calls: name, arguments, and the result's message."""
    told: list[dict[str, Any]] = []
    for n, (name, arguments, result) in enumerate(calls):
        use = {"id": str(n), "function": {"name": name, "arguments": arguments}}
        told.append({"role": "assistant", "content": None, "tool_calls": [use]})
        more = result if isinstance(result, dict) else {"content": result}
        told.append({"role": "tool", "tool_call_id": str(n), **more})
    return read(json.dumps(told).encode(), "t.json")


def steps(name: str, arguments: object) -> list[Step]:
    return [
        s
        for s in chat((name, arguments, "ok")).steps
        if s.kind not in (StepKind.RESULT, StepKind.SHOWED)
    ]


# --------------------------------------------------------------------------
# Each format


@pytest.mark.parametrize("name", NAMES)
def test_each_format_tells_the_same_story(name: str) -> None:
    (found,) = read_all(FORMATS[name](), name)
    transcript = found.transcript
    assert name.startswith(transcript.format) or name in ("langsmith", "anthropic-code-execution")
    files = {path.rsplit("/", 1)[-1]: text for path, text in replay(transcript).files.items()}
    assert files["op.py"] == GOOD
    said = [step.text.strip() for step in of_kind(transcript, StepKind.SAID)]
    assert [words for words in said if words != "Next."] == [FIRST, LAST]
    assert not of_kind(transcript, StepKind.UNKNOWN)
    if name == "claude-ai":
        return
    assert files["check.py"] == CHECK
    ran = [step for step in of_kind(transcript, StepKind.RAN) if step.text == RUN]
    assert [(step.output or "").strip() for step in ran] == [TRACE, "fine"]
    statuses = [step.status for step in ran]
    failed = [step.failed for step in ran]
    if name in SILENT:
        assert statuses == [None, None]
    elif name in ("claude-code", "claude-code-web", "pi"):
        assert (statuses, failed) == ([1, None], [True, False])
    else:
        assert (statuses, failed) == ([1, 0], [True, False])
    asked = [step.text for step in of_kind(transcript, StepKind.USER)]
    assert len(asked) == (0 if name in ("opencode-run", "swe-agent-text") else 1)
    known = {"openai-lines", "sharegpt", "ai-sdk", "ai-sdk-ui", "gemini-api", "opencode-run"}
    known |= {"anthropic-code-execution", "cline-xml"}
    quiet = name in known or name.startswith(("swe-", "mini-", "openhands"))
    assert found.model == (None if quiet else "m")


@pytest.mark.parametrize("name", NAMES)
def test_each_format_can_be_named(name: str) -> None:
    (found,) = read_all(FORMATS[name](), name)
    one = next(k.format.name for k in formats.known() if k.format.matches(FORMATS[name](), None))
    assert read_all(FORMATS[name](), name, None, one) == (found,)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_understood_survives_the_neutral_format(name: str) -> None:
    found = read_all(FORMATS[name](), name)
    text = written(found)
    schema = json.loads((ROOT / "docs/schema/transcript.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))
    again = read_all(text.encode(), name)
    assert [one.transcript.steps for one in again] == [one.transcript.steps for one in found]
    assert [one.model for one in again] == [one.model for one in found]


def test_a_line_of_noise_is_counted_and_not_fatal() -> None:
    lines = FORMATS["claude-code"]().split(b"\n")
    noisy = b"\n".join([lines[0], b"Warning: no stdin", *lines[1:-1], b'{"type": "assis'])
    assert replay(read(noisy, "t.jsonl")).files["/w/op.py"] == GOOD
    skipped = read(noisy, "t.jsonl").skipped
    assert (skipped["line that is not JSON"], skipped["cut-off last line"]) == (1, 1)


def test_a_log_of_codex_exec_names_the_file_to_give_instead() -> None:
    change = {"type": "file_change", "changes": [{"path": "op.py", "kind": "add"}]}
    line = json.dumps({"type": "item.completed", "item": change})
    with pytest.raises(SubmissionError, match=r"`codex exec --json`.* under ~/\.codex/sessions"):
        read(f"{line}\n".encode() * 2, "t.jsonl")
    run = {
        "type": "command_execution",
        "command": f"/bin/bash -lc '{RUN}'",
        "aggregated_output": "fine\n",
        "exit_code": 0,
        "status": "completed",
    }
    line = json.dumps({"type": "item.completed", "item": run})
    (ran, _) = read(f"{line}\n".encode(), "t.jsonl").steps
    assert (ran.text, ran.output, ran.status) == (RUN, "fine\n", 0)


def test_somebody_s_grading_is_no_answer() -> None:
    grading = {"expectations": [{"text": "It ran.", "passed": True}], "summary": {}}
    with pytest.raises(SubmissionError, match=r"is a grading\.json of skill-creator"):
        read(json.dumps(grading).encode(), "grading.json")


def test_files_of_agents_that_were_sent_out_are_read(tmp_path: Path) -> None:
    def line(kind: str, *content: object, **more: object) -> str:
        return json.dumps({"type": kind, "message": {"role": kind, "content": content}, **more})

    use = {"type": "tool_use", "id": "1", "name": "Agent", "input": {"prompt": "Write op."}}
    back = {"type": "tool_result", "tool_use_id": "1", "content": "Done."}
    agent = {"toolUseResult": {"status": "completed", "agentId": "a1"}}
    path = tmp_path / "s.jsonl"
    path.write_text(f"{line('assistant', use)}\n{line('user', back, **agent)}\n")
    alone = read(path.read_bytes(), "s.jsonl", path)
    assert [step.text for step in of_kind(alone, StepKind.UNKNOWN)] == ["Agent"]
    (tmp_path / "s/subagents").mkdir(parents=True)
    inner = tmp_path / "s/subagents/agent-a1.jsonl"
    inner.write_bytes(FORMATS["claude-code"]())
    (found,) = read_all(path.read_bytes(), "s.jsonl", path)
    assert replay(found.transcript).files["/w/op.py"] == GOOD
    assert not of_kind(found.transcript, StepKind.UNKNOWN)
    # What it says is not what the agent says.
    assert not of_kind(found.transcript, StepKind.SAID)
    assert len(found.beside) == 1


def test_a_response_of_several_choices_is_several_samples() -> None:
    choices = [{"message": {"role": "assistant", "content": f"{n}"}} for n in range(3)]
    body = {"object": "chat.completion", "model": "m", "choices": choices}
    assert [r.transcript.steps[0].text for r in read_all(json.dumps(body).encode(), "t")] == [
        *"012"
    ]
    batch = {"custom_id": "layer-norm", "response": {"body": body}}
    found = read_all(json.dumps(batch).encode(), "t")
    assert [(r.task_id, r.model) for r in found] == [("layer-norm", "m")] * 3


# --------------------------------------------------------------------------
# Tools


@pytest.mark.parametrize(
    ("name", "arguments", "kind"),
    [
        ("Read", {"file_path": "a.py"}, StepKind.LOOKED),
        ("TodoWrite", {"todos": []}, StepKind.LOOKED),
        ("mcp__files__read_file", {"path": "a.py"}, StepKind.LOOKED),
        ("str_replace_editor", {"command": "view", "path": "a.py"}, StepKind.LOOKED),
        ("str_replace_editor", {"command": "undo_edit", "path": "a.py"}, StepKind.UNKNOWN),
        ("insert_edit_into_file", {"filePath": "a.py", "code": "..."}, StepKind.UNKNOWN),
        ("delete_file", {"path": "a.py"}, StepKind.REMOVED),
        ("move_file", {"source": "a.py", "destination": "b.py"}, StepKind.EDITED),
        ("deploy", {"to": "prod"}, StepKind.UNKNOWN),
        ("finish", {"message": "Done."}, StepKind.SAID),
        ("bash", {"command": "ls"}, StepKind.RAN),
        ("shell", {"command": ["python", "a.py"]}, StepKind.RAN),
        ("python", {"code": "print(1)"}, StepKind.RAN),
        ("run_code", {"code": "1", "language": "javascript"}, StepKind.UNKNOWN),
    ],
)
def test_a_tool_is_known_by_its_arguments_and_else_by_its_name(
    name: str, arguments: object, kind: StepKind
) -> None:
    (step,) = steps(name, arguments)
    assert step.kind is kind
    if kind is StepKind.UNKNOWN:
        assert step.text == name


def test_a_command_that_is_a_list_keeps_its_words() -> None:
    assert steps("shell", {"command": ["python", "a b.py"]})[0].text == "python 'a b.py'"
    assert steps("shell", {"command": ["/bin/bash", "-lc", "a && b"]})[0].text == "a && b"


def test_a_patch_may_add_move_edit_and_remove_files() -> None:
    patch = (
        "*** Begin Patch\n*** Add File: a.py\n+x = 1\n*** Update File: b.py\n*** Move to: c.py\n"
        "@@ def f():\n a\n-b\n+c\n@@\n+end\n*** End of File\n*** Delete File: d.py\n"
        "*** End Patch"
    )
    added, edited, removed = patched(patch, 1)
    assert (added.kind, added.path, added.text) == (StepKind.WROTE, "a.py", "x = 1\n")
    assert (edited.path, edited.moved_to) == ("b.py", "c.py")
    assert edited.edits == (Edit("a\nb\n", "a\nc\n"), Edit("", "end\n", after_line=END))
    assert (removed.kind, removed.path) == (StepKind.REMOVED, "d.py")


def test_a_patch_in_a_here_document_stands_beside_commands() -> None:
    command = (
        "cd /w && apply_patch <<'P'\n*** Begin Patch\n*** Add File: a.py\n+x\n*** End Patch\nP\n"
        "python a.py"
    )
    wrote, ran = steps("bash", {"command": command})
    assert (wrote.path, wrote.failed) == ("a.py", None)
    assert ran.text.strip() == "python a.py"
    failing = chat(("bash", {"command": command}, "exit code: 1\nNo.")).steps
    assert [(s.kind.value, s.failed) for s in failing[:2]] == [("wrote", None), ("ran", True)]


@pytest.mark.parametrize(
    "shown",
    [
        "     1→a\n     2→\n     3→b",
        "1\ta\n2\t\n3\tb\n",
        "<file>\n00001| a\n00002| \n00003| b\n</file>",
        "Here's the result of running `cat -n` on a.py:\n     1\ta\n     2\t\n     3\tb\n",
        "a\n\nb\n\n<system-reminder>Be careful.</system-reminder>",
    ],
)
def test_a_file_is_shown_without_what_its_reader_adds(shown: str) -> None:
    found = chat(("Read", {"file_path": "a.py"}, shown)).steps[-1]
    assert (found.kind, found.path, found.text) == (StepKind.SHOWED, "a.py", "a\n\nb\n")


def test_a_part_of_a_file_is_not_the_file() -> None:
    assert whole_file("    10→a\n    11→b") is None
    part = chat(("Read", {"file_path": "a.py", "offset": 10}, "    10→a"))
    failed = chat(("Read", {"file_path": "a.py"}, {"content": "no", "error": "no such file"}))
    assert not of_kind(part, StepKind.SHOWED)
    assert not of_kind(failed, StepKind.SHOWED)


def test_blocks_that_search_and_replace_are_edits() -> None:
    first = "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n"
    text = first + "------- SEARCH\n=======\nc\n+++++++ REPLACE"
    assert replacements(text) == (Edit("a\n", "b\n"), Edit("", "c\n"))


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ('await tools.exec_command({cmd: "a", n: 1});', [("exec_command", {"cmd": "a", "n": 1})]),
        ("tools.run({cmd: `a\\nb`})", [("run", {"cmd": "a\nb"})]),
        ("const cmd = 'a' + \"b\";\ntools.run({cmd})", [("run", {"cmd": "ab"})]),
        ('tools["run"](["a", "b"].join(" "))', [("run", "a b")]),
        ("tools.run(String.raw`a\\n`)", [("run", "a\\n")]),
        ("// tools.no('x')\nconst s = 'tools.no(1)';\ntools.run(s)", [("run", "tools.no(1)")]),
        ("if (x) { tools.run('a') }", [("run", None)]),
        ("tools.run(`${x}`)", [("run", None)]),
        ("tools.run('a' + f())", [("run", None)]),
        ("tools.run('a'); if (x) text(1)", [("run", "a")]),
    ],
)
def test_calls_in_javascript_are_read_where_they_are_literals(program: str, found: object) -> None:
    assert [(call.name, call.argument) for call in javascript.calls(program)] == found


# --------------------------------------------------------------------------
# What became of a run


@pytest.mark.parametrize(
    ("fields", "failed", "status", "ending"),
    [
        ({"exit_code": 2}, True, 2, Ending.FINISHED),
        ({"is_error": False}, False, None, None),
        ({"interrupted": True, "is_error": False}, True, None, Ending.STOPPED),
        ({"backgroundTaskId": "b1"}, None, None, Ending.STARTED),
        ({"status": "rejected"}, True, None, Ending.REFUSED),
        ({"status": "cancelled"}, True, None, Ending.STOPPED),
        ({"metadata": {"exit": 0}, "status": "completed"}, False, 0, Ending.FINISHED),
        ({"success": False}, True, None, None),
        ({"success": True}, None, None, None),
        ({"exit_code": True}, None, None, None),
    ],
)
def test_typed_fields_tell_the_end(
    fields: object, failed: bool | None, status: int | None, ending: Ending | None
) -> None:
    said = told("fine", fate(fields))
    assert (said.failed, said.status, said.ending) == (failed, status, ending)


@pytest.mark.parametrize(
    ("output", "failed", "status", "ending"),
    [
        ("exit code: 0\nfine", False, 0, Ending.FINISHED),
        ("bad\n[Command failed with exit code 3]", True, 3, Ending.FINISHED),
        ("bad\n\nCommand exited with code 1", True, 1, Ending.FINISHED),
        ("exit code: 1\nbad\nexit code: 0", None, None, None),
        ("it prints exit code 0", None, None, None),
        ("bash: line 1: python: command not found", True, None, Ending.REFUSED),
        ("The tool call was rejected by the user.", True, None, Ending.REFUSED),
        ("Command timed out after 120 s", True, None, Ending.STOPPED),
        ("Command running in background with ID: 1", None, None, Ending.STARTED),
        ("Chunk ID: 1\nProcess running with session ID 7\nOutput:\n", None, None, Ending.STARTED),
    ],
)
def test_where_no_field_tells_it_the_tool_s_own_words_do(
    output: str, failed: bool | None, status: int | None, ending: Ending | None
) -> None:
    said = told(output, fate())
    assert (said.failed, said.status, said.ending) == (failed, status, ending)


def test_a_field_outweighs_words() -> None:
    assert told("exit code: 0", fate({"exit_code": 1})).status == 1


def test_what_tools_put_around_an_output_is_taken_off() -> None:
    assert unframed("Chunk ID: 1\nProcess exited with code 0\nOutput:\nfine") == "fine"
    assert unframed("<returncode>0</returncode>\n<output>\nfine\n</output>") == "fine"
    assert unframed("a\n\nb\n") == "a\n\nb\n"


def test_a_run_in_the_background_ends_when_its_end_is_asked_for() -> None:
    begun = {"content": "Command running in background with ID: b1"}
    asked = {"content": "exit code: 0\nfine"}
    going = chat(
        ("Bash", {"command": RUN, "run_in_background": True}, {**begun, "extra": {
            "backgroundTaskId": "b1"}}),
        ("Bash", {"command": "ls"}, "op.py"),
    )  # fmt: skip
    assert going.steps[0].ending is Ending.STARTED
    ended = chat(
        ("Bash", {"command": RUN, "run_in_background": True}, {**begun, "extra": {
            "backgroundTaskId": "b1"}}),
        ("BashOutput", {"bash_id": "b1"}, asked),
    )  # fmt: skip
    assert (ended.steps[0].output, ended.steps[0].status) == ("fine", 0)
    assert ended.steps[0].ending is Ending.FINISHED


# --------------------------------------------------------------------------
# Formats of other packages


class Upper:
    """A format that a package might add."""

    name = "upper"

    def matches(self, head: bytes, path: Path | None) -> bool:
        return head.startswith(b"UPPER")

    def read(self, raw: bytes, path: Path | None) -> Iterator[Recorded]:
        for number, line in enumerate(raw.decode().split("\n")[1:], start=1):
            step = Step(StepKind.SAID, 1, line.lower())
            yield Recorded(Transcript((step,), self.name), model="m", sample=number)


class Raising(Upper):
    name = "raising"

    def matches(self, head: bytes, path: Path | None) -> bool:
        raise KeyError("lost")


def plug_in(monkeypatch: pytest.MonkeyPatch, **added: str) -> None:
    points = [EntryPoint(name, value, formats.GROUP) for name, value in added.items()]
    monkeypatch.setattr(formats, "entry_points", lambda group: points)
    formats.known.cache_clear()


@pytest.fixture(autouse=True)
def _formats_are_looked_up_again() -> Iterator[None]:
    yield
    formats.known.cache_clear()


def test_a_package_adds_a_format(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, upper="test_formats:Upper")
    found = read_all(b"UPPER\nONE\nTWO", "t.txt")
    assert [(r.model, r.sample, r.transcript.steps[0].text) for r in found] == [
        ("m", 1, "one"),
        ("m", 2, "two"),
    ]


def test_a_package_s_format_that_raises_is_named_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plug_in(monkeypatch, raising="test_formats:Raising", gone="test_formats:Nowhere")
    assert replay(read(FORMATS["codex"](), "t.jsonl")).files["op.py"] == GOOD
    with pytest.raises(SubmissionError, match=r"reader of format 'raising' of .* KeyError: 'lost'"):
        read(b"neither", "t.txt")
    with pytest.raises(SubmissionError, match=r"format 'gone' .*it does not load .*Nowhere"):
        read_all(b"neither", "t.txt", None, "gone")


def test_a_package_may_not_take_a_name_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Upper, "name", "codex")
    plug_in(monkeypatch, upper="test_formats:Upper")
    with pytest.raises(SubmissionError, match="format 'codex' of harness is already one of an unk"):
        read(b"UPPER", "t.txt")


def test_a_format_that_is_not_known_names_the_nearest() -> None:
    with pytest.raises(SubmissionError, match=r"'codx' is not known\. Did you mean 'codex'\?"):
        read_all(b"{}", "t.json", None, "codx")
    with pytest.raises(SubmissionError, match="format 'codx' is not known"):
        submissions.told("codx", ())


def test_a_format_that_is_always_refused_is_not_offered() -> None:
    with pytest.raises(SubmissionError) as caught:
        read_all(b"{}", "t.json", None, "nope")
    assert "openai" in str(caught.value)
    assert "skill-creator" not in str(caught.value)


# --------------------------------------------------------------------------
# Broken files


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value within ``value``."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in inner:
        yield (*path, key)
        if isinstance(one, dict | list):
            yield from places(one, (*path, key))


def changed(value: Any, path: tuple[Any, ...], put: Any, drop: bool) -> Any:
    key, *rest = path
    copy = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        copy[key] = changed(copy[key], tuple(rest), put, drop)
    elif drop:
        del copy[key]
    else:
        copy[key] = put
    return copy


def parsed(name: str) -> tuple[Any, bool]:
    """A fixture's value, and whether it is lines."""
    raw = FORMATS[name]()
    try:
        return json.loads(raw), False
    except ValueError:
        return [json.loads(line) for line in raw.splitlines()], True


JUNK = (None, True, -1, 1.5, "", "x", "\ud800", [], {}, [[]], [{}], {"a": 1}, ["x"], {"type": "x"})
DEEP: Any = []
for _ in range(400):
    DEEP = [DEEP]


def check(raw: bytes) -> None:
    """Read, render and replay: a ``SubmissionError`` with its place or a whole transcript."""
    try:
        found = read_all(raw, "t.json")
    except SubmissionError as error:
        refused = str(error)
    else:
        refused = "t.json: "
        for one in found:
            assert render(one.transcript, None, "").text.encode()
            replay(one.transcript)
        assert written(found).encode()
    assert refused.startswith("t.json: ")
    assert "the reader of format" not in refused


@pytest.mark.parametrize("name", JSON_NAMES)
def test_a_fixture_without_any_one_value_is_read_or_refused(name: str) -> None:
    value, lines = parsed(name)
    for number, path in enumerate(places(value)):
        for put, drop in ((None, True), (JUNK[number % len(JUNK)], False)):
            broken = changed(value, path, put, drop)
            rows = broken if lines else [broken]
            check("\n".join(map(json.dumps, rows)).encode())


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(JSON_NAMES), st.data())
def test_fixtures_with_several_values_replaced_are_read_or_refused(
    name: str, data: st.DataObject
) -> None:
    value, lines = parsed(name)
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(list(places(value)) or [()]))
        if not path:
            break
        put = data.draw(st.sampled_from((*JUNK, DEEP)))
        value = changed(value, path, put, data.draw(st.booleans()))
    rows = value if lines else [value]
    check("\n".join(map(json.dumps, rows)).encode())


@pytest.mark.parametrize("name", NAMES)
def test_a_fixture_that_is_cut_off_is_read_or_refused(name: str) -> None:
    raw = FORMATS[name]()
    for part in range(1, 12):
        check(raw[: len(raw) * part // 12])


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("#>` \n<=SEARCHREPLACEopcheck.py")), st.integers(0, 40))
def test_any_text_in_an_aider_history_is_read_or_refused(text: str, at: int) -> None:
    raw = FORMATS["aider"]().decode()
    place = len(raw) * at // 40
    check((raw[:place] + text + raw[place:]).encode())


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("tols.ab({[]})`'\"\\+,:;=/* \nconst${}ifjn")))
def test_no_program_crashes_the_reader_of_javascript(program: str) -> None:
    list(javascript.calls(f"tools.run({program}"))


@pytest.mark.parametrize(
    "text",
    [
        "tools.run('a" + "/*" * 100_000,
        "`" * 200_000,
        "<<<<<<< SEARCH\n" * 50_000,
        "apply_patch <<EOF\n" * 20_000,
        "*** Begin Patch\n" * 50_000,
        "<write_to_file>" * 30_000,
        "<system-reminder>" * 30_000,
        "```bash\n" * 50_000,
    ],
)
def test_texts_that_are_made_to_keep_a_reader_busy_do_not(text: str) -> None:
    """A second each, where the square of their length would take minutes."""
    lines = [
        {"role": "user", "content": "<task>"},
        {"role": "assistant", "content": text},
        {"role": "user", "content": "[Read for 'x'] Result:\n" + text},
    ]
    check(json.dumps(lines).encode())
    for name, arguments in (
        ("exec", text),
        ("bash", {"command": text}),
        ("edit", {"path": "a.py", "diff": text}),
    ):
        chat((name, arguments, text))
    check(json.dumps({"info": {"mini_version": "1"}, "messages": lines}).encode())


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"{}\n" * 600_000, "t.jsonl: has 600,000 lines; a transcript may have 500,000"),
        (b"x\n" * 100_000, "t.jsonl: line 1: not JSON"),
        (b"[" * 1_000_000, "t.jsonl: nested too deeply"),
        (b'{"a":' * 1_000_000 + b"\n{}", "t.jsonl: (found lines|line 1|nested)"),
    ],
)
def test_a_huge_file_without_a_message_is_refused_at_once(raw: bytes, message: str) -> None:
    with pytest.raises(SubmissionError, match=message):
        read(raw, "t.jsonl")


def test_a_format_is_told_by_the_beginning_of_a_file() -> None:
    noise = b'{"type": "progress"}\n'
    raw = noise * 1_000 + FORMATS["claude-code"]() + noise * 5_000
    assert read(raw, "t.jsonl").skipped["line of type progress"] == 6_000
    with pytest.raises(SubmissionError, match="found lines of which none is a message"):
        read(noise * 2_000 + FORMATS["claude-code"](), "t.jsonl")


# --------------------------------------------------------------------------
# The neutral format and what is shown of it


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version: Input should be 1, found 2"),
        ({"samples": [{}]}, "samples.0.steps: Field required, found nothing"),
        ({"samples": [{"steps": [{"kind": "flew"}]}]}, "samples.0.steps.0.kind: .*found 'flew'"),
        ({"samples": [], "more": 1}, "more: Extra inputs are not permitted"),
    ],
)
def test_a_neutral_file_that_is_wrong_names_the_key(change: dict[str, Any], message: str) -> None:
    value = json.loads(FORMATS["neutral"]()) | change
    with pytest.raises(SubmissionError, match=message):
        read(json.dumps(value).encode(), "t.json")


def test_what_was_understood_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(FORMATS["codex"]())
    text, neutral = convert(path)
    for words in (
        "conversation 1, format codex (model m)",
        "wrote op.py (2 lines)",
        f"ran {RUN}: finished, exit status 1",
        "edited op.py (1 edits)",
        "left out: ",
    ):
        assert words in text
    assert json.loads(neutral)["samples"][0]["source"] == "codex"
    chat = json.loads(FORMATS["openai"]())
    edit = {"id": "z", "function": {"name": "edit", "arguments": {
        "path": "gone.py", "old_str": "a", "new_str": "b"}}}  # fmt: skip
    call = {"id": "y", "function": {"name": "deploy", "arguments": {}}}
    chat["messages"].append({"role": "assistant", "content": None, "tool_calls": [edit, call]})
    path.write_text(json.dumps(chat))
    shown, _ = convert(path)
    assert "not followed: step 14, " in shown
    assert "not understood: 1 calls of deploy" in shown
    path.write_bytes(b" ")
    with pytest.raises(SubmissionError, match="is empty, expected a recorded conversation"):
        convert(path)
    with pytest.raises(SubmissionError, match="cannot be read: No such file"):
        convert(tmp_path / "gone.json")


def test_the_fixtures_are_what_they_say() -> None:
    assert BAD != GOOD
    compile(CHECK, "check.py", "exec")
