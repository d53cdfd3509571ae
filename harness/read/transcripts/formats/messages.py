"""Lists of messages: the many formats that differ in names of keys and little else.

Long because of the tables that tell them apart, which belong together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.model import StepKind
from harness.read.transcripts.draft import Draft
from harness.read.transcripts.formats.base import JsonFormat
from harness.read.transcripts.outcome import fate
from harness.read.transcripts.parsed import Parsed, Records, clean, first, loads, mapping, sequence

_ROLES = {
    "assistant": "assistant", "ai": "assistant", "gpt": "assistant", "model": "assistant",
    "chatgpt": "assistant", "bot": "assistant", "AIMessageChunk": "assistant",
    "AIMessage": "assistant", "response": "assistant", "user": "user", "human": "user",
    "HumanMessage": "user", "tool": "tool", "function": "tool", "toolResult": "tool",
    "observation": "tool", "ToolMessage": "tool", "FunctionMessage": "tool",
    "function_response": "tool", "ipython": "tool", "system": "system", "developer": "system",
    "SystemMessage": "system", "function_call": "call", "request": "request",
}  # fmt: skip
_SPEAKERS = ("role", "from", "sender", "type", "kind")
_CONTENTS = ("content", "parts", "value", "text")
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
_IDS = ("tool_call_id", "toolCallId", "call_id", "tool_use_id")
# Parts of Pydantic AI, which puts what a user says and what a tool gives back into one message.
_PARTS = {"user-prompt": "user", "tool-return": "tool", "retry-prompt": "tool"}
# More conversations than this are not one file of answers.
_MAX_CONVERSATIONS = 10_000

Messages = list[Any]


def role_of(message: object) -> str:
    """``assistant``, ``user``, ``tool``, ``system``, ``call``, ``request``, or nothing."""
    return _ROLES.get(clean(first(mapping(message), _SPEAKERS)), "")


def tell(draft: Draft, message: object, number: int, role: str = "") -> None:
    """Add one message."""
    given = mapping(message)
    role = role or role_of(given)
    content = next((given[k] for k in _CONTENTS if given.get(k) not in (None, [])), None)
    if not role:
        named = clean(first(given, _SPEAKERS))
        draft.skip(f"record with role {named!r}" if named else "record without a role")
    elif role == "system":
        draft.skip(f"{clean(first(given, _SPEAKERS))} message")
    elif role == "tool":
        _result(draft, given, content, number)
    elif role == "call":
        for call in sequence(content) or [content]:
            _call_in_words(draft, call, number)
    elif role == "request":
        for part in sequence(content):
            kind = clean(mapping(part).get("part_kind"))
            tell(draft, part, number, _PARTS.get(kind, "system"))
    else:
        for key in _THOUGHTS:
            draft.words(StepKind.THOUGHT, given.get(key), number)
        draft.message(role, content, number)
        calls = [*sequence(given.get("tool_calls")), *sequence(given.get("invalid_tool_calls"))]
        calls += [given["function_call"]] if mapping(given.get("function_call")) else []
        for call in calls:
            if isinstance(call, dict) and ("function" in call or "name" in call):
                draft.call_in(call, number)
            else:
                draft.skip("tool call without a function")


def _result(draft: Draft, given: Mapping[str, Any], content: object, number: int) -> None:
    blocks = [b for b in sequence(content) if isinstance(b, dict)]
    if any(clean(block.get("type")) == "tool-result" for block in blocks):
        draft.message("user", content, number)
        return
    id = first(given, _IDS)
    ids = sequence(given.get("tool_call_ids"))
    draft.result(ids[0] if ids else id, draft.plain(content), fate(given), number)


def _call_in_words(draft: Draft, call: object, number: int) -> None:
    if isinstance(call, str):
        given = parse_object(call)
        if not given:
            draft.skip("tool call without a function")
            draft.call("unnamed tool", {}, None, number)
            return
        call = given
    draft.call_in(mapping(call), number)


def parse_object(words: str) -> Mapping[str, Any]:
    """The JSON object that ``words`` are; an empty one where they are none."""
    return mapping(loads(words))


def drafted(messages: Messages | Records) -> Draft:
    """A draft of a list of messages."""
    draft = Draft()
    for number, message in enumerate(messages, start=1):
        if isinstance(message, tuple):
            number, message = message
        tell(draft, message, number)
        draft.model = draft.model or model_of(message)
    return draft


def model_of(message: object) -> str | None:
    """The model that a message or what is around it names."""
    given = mapping(message)
    found = first(given, ("model", "modelID", "model_name", "modelName", "modelId"))
    return clean(found) or None


# ---------------------------------------------------------------------- where the messages are

# From a JSON value to the messages of its one conversation; ``None`` where it holds none.
Find = Callable[[object], Messages | None]


def listed(value: object) -> Messages | None:
    """A bare list of messages."""
    return value if isinstance(value, list) else None


def under(*keys: str) -> Find:
    """Messages under the first of ``keys`` that holds a list; dots go into objects."""

    def find(value: object) -> Messages | None:
        for key in keys:
            found: object = value
            for part in key.split("."):
                found = mapping(found).get(part)
            if isinstance(found, list):
                # LangChain keeps a batch of conversations, mostly of one.
                alone = len(found) == 1 and isinstance(found[0], list)
                return sequence(found[0]) if alone else found
        return None

    return find


def either(*ways: Find) -> Find:
    """The first of several ways that finds something."""
    return lambda value: next((m for way in ways if (m := way(value)) is not None), None)


def conversations(
    given: Parsed, find: Find, fits: Callable[[object], bool]
) -> Iterator[tuple[Mapping[str, Any], Messages | Records]]:
    """What is around each conversation of a file, and its messages."""
    whole = find(given.value) if not given.lines else None
    if whole is not None and any(map(fits, whole)):
        yield mapping(given.value), whole
        return
    if given.lines and any(fits(record) for _, record in given.records):
        yield {}, given.records
        return
    for _, record in given.records[:_MAX_CONVERSATIONS]:
        messages = find(record) if isinstance(record, dict | list) else None
        if messages is not None and any(map(fits, messages)):
            yield mapping(record), messages


def family(name: str, find: Find, fits: Callable[[object], bool]) -> JsonFormat:
    """A format whose messages ``find`` finds, told by one of them that ``fits``."""

    def samples(given: Parsed, path: Path | None) -> Iterator[Draft]:
        for around, messages in conversations(given, find, fits):
            draft = drafted(messages)
            draft.model = model_of(around) or draft.model
            yield draft

    return JsonFormat(
        name, lambda given: any(True for _ in conversations(given, find, fits)), samples
    )


# ---------------------------------------------------------------------- how they are told apart


def has(**wanted: str | tuple[str, ...]) -> Callable[[object], bool]:
    """Whether a message has one of the given values under each key."""
    sets = {key: (v,) if isinstance(v, str) else v for key, v in wanted.items()}
    return lambda message: all(clean(mapping(message).get(k)) in v for k, v in sets.items())


def holds(*kinds: str, key: str = "type") -> Callable[[object], bool]:
    """Whether a message has a block of one of these kinds."""

    def fits(message: object) -> bool:
        given = mapping(message)
        blocks = sequence(given.get("content")) or sequence(given.get("parts"))
        return any(clean(mapping(block).get(key)) in kinds for block in blocks)

    return fits


def with_key(*keys: str) -> Callable[[object], bool]:
    """Whether a message's blocks have one of these keys, as those of Bedrock and Gemini have."""

    def fits(message: object) -> bool:
        given = mapping(message)
        blocks = sequence(given.get("content")) or sequence(given.get("parts"))
        return bool(given.get("role")) and any(
            not mapping(block).get("type") and any(k in mapping(block) for k in keys)
            for block in blocks
        )

    return fits


def _any(*ways: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda message: any(way(message) for way in ways)


def _langchain(message: object) -> bool:
    given = mapping(message)
    inner = mapping(given.get("data")) or mapping(given.get("kwargs"))
    plain = given.get("type") in ("human", "ai") and "content" in given
    return plain or (bool(inner) and "content" in inner and bool(_langchain_role(given)))


def _langchain_role(given: Mapping[str, Any]) -> str:
    names = [given.get("type"), *sequence(given.get("id"))[-1:]]
    return next((_ROLES[name] for name in map(clean, names) if name in _ROLES), "")


def _langchain_samples(given: Parsed, path: Path | None) -> Iterator[Draft]:
    for _, messages in conversations(given, _FIND_LANGCHAIN, _langchain):
        draft = Draft()
        for number, message in enumerate(messages, start=1):
            if isinstance(message, tuple):
                number, message = message
            outer = mapping(message)
            inner = mapping(outer.get("data")) or mapping(outer.get("kwargs")) or outer
            tell(draft, inner, number, _langchain_role(outer))
            about = mapping(inner.get("response_metadata"))
            draft.model = draft.model or model_of(about)
        yield draft


_FIND_LANGCHAIN = either(
    under("outputs.messages", "inputs.messages", "outputs.output.messages", "messages", "output"),
    listed,
)
_FIND = either(under("messages", "conversation", "request.messages", "input.messages"), listed)
_CALLS = ("tool_use", "tool_result", "thinking")

LANGCHAIN = JsonFormat(
    "langchain",
    lambda given: any(True for _ in conversations(given, _FIND_LANGCHAIN, _langchain)),
    _langchain_samples,
)
SHAREGPT = family(
    "sharegpt",
    either(under("conversations", "conversation"), listed),
    lambda m: isinstance(mapping(m).get("value"), str) and bool(clean(mapping(m).get("from"))),
)
CLAUDE_AI = family("claude-ai", under("chat_messages"), lambda m: "sender" in mapping(m))
PYDANTIC_AI = family(
    "pydantic-ai",
    either(under("messages", "new_messages", "all_messages"), listed),
    holds("user-prompt", "text", "tool-call", "tool-return", key="part_kind"),
)
AI_SDK = family(
    "ai-sdk",
    either(under("messages", "response.messages", "uiMessages"), listed),
    _any(
        holds("tool-call", "tool-result", "dynamic-tool"),
        lambda m: (
            isinstance(mapping(m).get("parts"), list)
            and bool(clean(mapping(m).get("role")))
            and any(
                isinstance(mapping(p).get("type"), str) for p in sequence(mapping(m).get("parts"))
            )
        ),
    ),
)
BEDROCK = family(
    "bedrock",
    either(_FIND, lambda value: _one(under_message(value))),
    with_key("toolUse", "toolResult", "reasoningContent", "text"),
)
GEMINI_API = family(
    "gemini-api",
    either(under("contents", "history"), listed),
    lambda m: isinstance(mapping(m).get("parts"), list) and role_of(m) != "",
)
ANTHROPIC = family("anthropic", _FIND, holds(*_CALLS, "server_tool_use"))
OPENAI = family("openai", _FIND, lambda m: "role" in mapping(m))


def under_message(value: object) -> object:
    """The message of a response of Bedrock Converse."""
    return mapping(mapping(value).get("output")).get("message")


def _one(value: object) -> Messages | None:
    return [value] if isinstance(value, dict) else None


# ---------------------------------------------------------------------- bare responses


def _responses(given: Parsed) -> Iterator[tuple[str | None, Mapping[str, Any], Messages]]:
    """Name of the request, what is around, and the messages of each bare response."""
    for _, record in given.records[:_MAX_CONVERSATIONS]:
        outer = mapping(record)
        id = clean(outer.get("custom_id")) or None
        inner = mapping(mapping(outer.get("response")).get("body"))
        inner = inner or mapping(mapping(outer.get("result")).get("message")) or outer
        if isinstance(inner.get("choices"), list):
            for choice in inner["choices"]:
                message = mapping(choice).get("message")
                if isinstance(message, dict):
                    yield id, inner, [message]
        elif inner.get("type") == "message" and inner.get("role") == "assistant":
            yield id, inner, [inner]


def _response_samples(given: Parsed, path: Path | None) -> Iterator[Draft]:
    for id, around, messages in _responses(given):
        draft = drafted(messages)
        draft.model, draft.task_id = model_of(around), id
        yield draft


RESPONSE = JsonFormat(
    "response", lambda given: any(True for _ in _responses(given)), _response_samples
)
