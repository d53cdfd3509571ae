"""What programs write that let agents solve tasks: ATIF, SWE-agent, mini-swe-agent, OpenHands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.model import Step, StepKind
from harness.read.transcripts.draft import Draft
from harness.read.transcripts.formats.base import JsonFormat
from harness.read.transcripts.formats.messages import model_of, tell
from harness.read.transcripts.outcome import fate
from harness.read.transcripts.parsed import Parsed, Records, clean, first, mapping, sequence

# ---------------------------------------------------------------------- ATIF

_FILLER = re.compile(r"Executed \S+ \S+")


def _is_atif(given: Parsed) -> bool:
    whole = given.members
    steps = sequence(whole.get("steps"))
    return clean(whole.get("schema_version")).startswith("ATIF") and bool(steps)


def _atif(given: Parsed, path: Path | None) -> Iterator[Draft]:
    draft = Draft()
    draft.model = model_of(mapping(given.members.get("agent")))
    for number, record in enumerate(sequence(given.members.get("steps")), start=1):
        step = mapping(record)
        source = clean(step.get("source"))
        draft.words(StepKind.THOUGHT, step.get("reasoning_content"), number)
        calls = [mapping(call) for call in sequence(step.get("tool_calls"))]
        said = step.get("message")
        if source == "agent":
            if not (calls and isinstance(said, str) and _FILLER.fullmatch(said)):
                draft.message("assistant", said, number)
        elif source == "user":
            draft.message("user", said, number)
        else:
            draft.skip(f"step of {source or 'nobody'}")
        for call in calls:
            draft.call_in(call, number)
        ids = [clean(call.get("tool_call_id")) for call in calls]
        for one in map(mapping, sequence(mapping(step.get("observation")).get("results"))):
            id = one.get("source_call_id")
            if "subagent_trajectory_ref" in one:
                draft.steps.append(Step(StepKind.UNKNOWN, number, "trajectory of another agent"))
            if not isinstance(id, str):
                id = next((known for known in reversed(ids) if draft.is_open(known)), None)
            draft.result(id, draft.plain(one.get("content")), fate(one), number)
    yield draft


ATIF = JsonFormat("atif", _is_atif, _atif)

# ---------------------------------------------------------------------- SWE-agent

_EDITOR = "str_replace_editor"
_EDITS = frozenset({"edit", "create", "insert", "append"})
_LOOKS = frozenset(
    {"open", "goto", "scroll_up", "scroll_down", "search_dir", "search_file", "find_file", "submit",
     "exit_cost", "exit_forfeit", "filemap"}
)  # fmt: skip


def _is_swe(given: Parsed) -> bool:
    whole = given.members
    inside = [*sequence(whole.get("trajectory"))[:5], *sequence(whole.get("history"))[:5]]
    return any(_is_swe_step(mapping(record)) for record in inside)


def _is_swe_step(step: Mapping[str, Any]) -> bool:
    acts = isinstance(step.get("action"), str) and "args" not in step
    return "message_type" in step or (acts and bool({"role", "thought", "response"} & set(step)))


def _swe(given: Parsed, path: Path | None) -> Iterator[Draft]:
    draft = Draft()
    history = sequence(given.members.get("history"))
    if not any(mapping(m).get("role") == "assistant" for m in history):
        history = list(_from_trajectory(sequence(given.members.get("trajectory"))))
    # Commands that stand in the words, whose result is the next message.
    for number, record in enumerate(history, start=1):
        message = mapping(record)
        if message.get("is_demo") is True:
            draft.skip("message of a demonstration")
        elif message.get("role") == "assistant" and not sequence(message.get("tool_calls")):
            words = clean(message.get("thought")) or draft.plain(message.get("content"))
            draft.message("assistant", words, number)
            if clean(message.get("action")).strip():
                _action(draft, clean(message["action"]), number)
        elif message.get("role") == "user" and message.get("message_type") == "observation":
            if any(step.kind is not StepKind.USER for step in draft.steps):
                draft.result(None, draft.plain(message.get("content")), fate(message), number)
            else:
                tell(draft, message, number)
        else:
            tell(draft, message, number)
    yield draft


def _from_trajectory(steps: list[Any]) -> Iterator[Mapping[str, Any]]:
    for step in map(mapping, steps):
        thought = first(step, ("thought", "response"))
        yield {"role": "assistant", "thought": thought, "action": step.get("action")}
        observation = step.get("observation")
        yield {"role": "user", "message_type": "observation", "content": observation}


def _action(draft: Draft, action: str, number: int) -> None:
    """A call that is written as a command."""
    name = action.split(maxsplit=1)[0]
    if name == _EDITOR:
        given = _editor_arguments(action)
        draft.call(_EDITOR, given, None, number)
    elif name in _EDITS or name in _LOOKS:
        draft.call(name, {}, None, number)
    else:
        draft.call("bash", {"command": action}, None, number)


def _editor_arguments(action: str) -> Mapping[str, Any]:
    try:
        words = shlex.split(action)
    except ValueError:
        return {}
    given: dict[str, Any] = dict(zip(("command", "path"), words[1:3], strict=False))
    options = iter(words[3:])
    for option in options:
        if option.startswith("--"):
            value = next(options, "")
            number = option == "--insert_line" and value.isdecimal()
            given[option[2:]] = int(value[:9]) if number else value
    return given


SWE_AGENT = JsonFormat("swe-agent", _is_swe, _swe)

# ---------------------------------------------------------------------- mini-swe-agent

_FENCE = re.compile(
    r"^```(?:bash|sh|mswea_bash_command)[ \t]*\n(.*?)(?:^```[ \t]*$|\Z)", re.S | re.M
)


def _is_mini(given: Parsed) -> bool:
    whole = given.members
    told = clean(whole.get("trajectory_format")).startswith("mini-swe-agent")
    info = mapping(whole.get("info"))
    return (told or "mini_version" in info) and isinstance(whole.get("messages"), list)


def _mini(given: Parsed, path: Path | None) -> Iterator[Draft]:
    draft = Draft()
    config = mapping(mapping(given.members.get("info")).get("config"))
    draft.model = model_of(mapping(config.get("model")))
    waiting = 0
    for number, record in enumerate(sequence(given.members.get("messages")), start=1):
        message = mapping(record)
        extra = mapping(message.get("extra"))
        content = message.get("content")
        calls = sequence(message.get("tool_calls"))
        if message.get("role") == "assistant" and not calls:
            words = draft.plain(content)
            draft.message("assistant", _FENCE.sub("", words), number)
            actions = extra.get("actions")
            commands = [mapping(one).get("command") for one in sequence(actions)]
            if not isinstance(actions, list):
                found = _FENCE.findall(words)
                # It asks again where there is more than one.
                commands = [one.removesuffix("\n") for one in found] if len(found) == 1 else []
            waiting = len(commands)
            for command in commands:
                draft.call("bash", {"command": command}, None, number)
        elif message.get("role") == "user" and waiting:
            waiting -= 1
            draft.result(None, draft.plain(content), fate(message), number)
        elif message.get("role") == "exit":
            draft.skip("exit message")
        else:
            tell(draft, message, number)
            # Its items of the Responses API.
            for item in sequence(message.get("output")):
                draft.message("assistant", [item], number)
    yield draft


MINI = JsonFormat("mini-swe-agent", _is_mini, _mini)

# ---------------------------------------------------------------------- OpenHands


def _events(given: Parsed) -> Records:
    for key in ("history", "events", "trajectory"):
        inside = sequence(given.members.get(key))
        if inside:
            return tuple(enumerate(inside, start=1))
    return given.records


def _is_openhands(given: Parsed) -> bool:
    for _, record in _events(given):
        event = mapping(record)
        kind = clean(event.get("kind"))
        new = kind.endswith("Event") and "source" in event
        old = "source" in event and isinstance(event.get("args"), dict) and "action" in event
        if new or old:
            return True
    return False


def _openhands(given: Parsed, path: Path | None) -> Iterator[Draft]:
    draft = Draft()
    for number, record in _events(given):
        event = mapping(record)
        kind = clean(event.get("kind"))
        if kind == "MessageEvent":
            role = "assistant" if event.get("source") == "agent" else "user"
            draft.message(role, mapping(event.get("llm_message")).get("content"), number)
        elif kind == "ActionEvent":
            draft.message("assistant", event.get("thought"), number)
            draft.words(StepKind.THOUGHT, event.get("reasoning_content"), number)
            call = mapping(event.get("tool_call"))
            # The action has every field typed; where it is missing, the call's words.
            given_to = event.get("action") or first(call, ("arguments",))
            draft.call(event.get("tool_name"), given_to, event.get("tool_call_id"), number)
        elif kind in ("ObservationEvent", "AgentErrorEvent", "UserRejectObservation"):
            seen = mapping(event.get("observation"))
            words = draft.plain(first(seen, ("content", "output")) or event.get("error"))
            refused = {"status": "rejected"} if kind == "UserRejectObservation" else {}
            broken = {"is_error": True} if kind == "AgentErrorEvent" else {}
            said = fate(refused, broken, seen)
            draft.result(event.get("tool_call_id"), words, said, number)
        elif isinstance(event.get("args"), dict) and "action" in event:
            _old_action(draft, event, number)
        elif "observation" in event and not kind:
            id = f"event {event.get('cause')}"
            if draft.is_open(id):
                said = fate(mapping(event.get("extras")), event)
                draft.result(id, draft.plain(event.get("content")), said, number)
            else:
                draft.skip(f"observation {clean(event.get('observation'))}")
        else:
            draft.skip(f"event {kind or clean(event.get('action')) or 'without a kind'}")
    yield draft


_OLD = {"run": "bash", "run_ipython": "ipython", "write": "write", "edit": "edit", "read": "read",
        "think": "think", "finish": "finish"}  # fmt: skip


def _old_action(draft: Draft, event: Mapping[str, Any], number: int) -> None:
    action, given = clean(event.get("action")), mapping(event.get("args"))
    id = f"event {event.get('id')}"
    if action == "message":
        role = "assistant" if event.get("source") == "agent" else "user"
        draft.message(role, given.get("content"), number)
    elif action in ("system", "recall", "change_agent_state", "null"):
        draft.skip(f"event {action}")
    else:
        draft.message("assistant", given.get("thought"), number)
        if action == "finish" and not clean(given.get("message")).strip():
            given = {**given, "message": first(given, ("final_thought", "outputs"))}
        draft.call(_OLD.get(action, action), given, id, number)


OPENHANDS = JsonFormat("openhands", _is_openhands, _openhands)
