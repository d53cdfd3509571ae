"""Calls with plain values: what the oracle gives, and what a candidate does."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.model import EntryPoint, ValueArgument
from harness.numerics.oracles import OracleError
from harness.numerics.plain.difference import call as written
from harness.numerics.plain.difference import shown
from harness.numerics.plain.drawing import Arguments
from harness.sandbox.inside import plain
from harness.sandbox.inside.wire import WireError
from harness.sandbox.reply import UnfitError, tamed
from harness.sandbox.session import CandidateFault, Session

# Calls per message, and the largest answer to one call.
CHUNK = 40
REPLY_BYTES = 8 * plain.MOST_SIZE


@dataclass(frozen=True)
class Refusal:
    """An exception, by both sides told as data."""

    # Builtin classes that it is one of, its own first.
    kinds: tuple[str, ...]
    # Its own class, and its message.
    type: str
    message: str
    # Line of the submission's code that it points to.
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


@dataclass(frozen=True)
class Called:
    """What a candidate did with one call."""

    # Its result; ``None`` where it raised.
    value: Any
    raised: Refusal | None = None
    # The arguments afterwards, by name, and what else changed; of a watched call.
    after: Mapping[str, Any] | None = None
    changed: tuple[str, ...] = ()

    def told(self) -> str:
        return f"it raised {self.raised}" if self.raised is not None else shown(self.value)


@dataclass(frozen=True)
class Expectation:
    """A call with what is right: a value, or an exception."""

    entry: EntryPoint
    arguments: Arguments
    value: Any
    raised: Refusal | None = None
    # Whether the arguments are of the domain, rather than meant to be refused.
    valid: bool = True

    def written(self) -> str:
        """The call in Python."""
        positional, keywords = split(self.entry, self.arguments)
        return written(self.entry.name, positional, keywords)


def split(entry: EntryPoint, arguments: Arguments) -> tuple[list[Any], dict[str, Any]]:
    """Arguments as they are handed over: by place as far as none before was left out."""
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for argument in entry.arguments:
        assert isinstance(argument, ValueArgument)
        if argument.name not in arguments:
            continue
        by_place = not argument.keyword_only and not argument.has_default
        if by_place:
            positional.append(arguments[argument.name])
        else:
            keywords[argument.name] = arguments[argument.name]
    return positional, keywords


def expect(
    function: Callable[..., Any], entry: EntryPoint, arguments: Arguments, valid: bool = True
) -> Expectation:
    """What the oracle gives. Raises ``OracleError`` for a value that does not travel."""
    positional, keywords = copy.deepcopy(split(entry, arguments))
    try:
        value = function(*positional, **keywords)
    except Exception as error:
        kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
        raised = Refusal(tuple(kinds), type(error).__name__, str(error)[:200])
        return Expectation(entry, arguments, None, raised, valid)
    data = plain.encode(value)
    if _holds_other(data):
        raise OracleError(
            entry.name,
            f"returns {shown(value)} for {shown(arguments)}, expected plain values: None, numbers, "
            "strings, bytes, and lists, tuples, sets and dicts of them",
        )
    return Expectation(entry, arguments, plain.decode(data), None, valid)


def _holds_other(data: Any) -> bool:
    if isinstance(data, list):
        return bool(data) and (data[0] == "other" or any(map(_holds_other, data[1:])))
    return False


def ask(
    session: Session,
    entry: EntryPoint,
    calls: Sequence[Arguments],
    *,
    seed: int = 0,
    watch: bool = False,
) -> list[Called]:
    """What the candidate does with each call.

    Raises ``CandidateFault`` where the process ends, hangs or sends nonsense.
    """
    found: list[Called] = []
    for begin in range(0, len(calls), CHUNK):
        some = calls[begin : begin + CHUNK]
        header: dict[str, object] = {
            "do": "plain",
            "calls": [_call(entry, arguments, seed, watch) for arguments in some],
        }
        _, tensors = session.request(header, reply_bytes=REPLY_BYTES * len(some))
        try:
            (answers,) = map(plain.from_tensor, tensors)
            if not isinstance(answers, list) or len(answers) != len(some):
                raise WireError("another number of answers than of calls")
            found += [_called(entry, a, one) for a, one in zip(some, answers, strict=True)]
        except (WireError, UnfitError, TypeError, ValueError) as error:
            raise CandidateFault(f"the process sent a malformed reply: {error}") from None
    return found


def _call(entry: EntryPoint, arguments: Arguments, seed: int, watch: bool) -> dict[str, object]:
    positional, keywords = split(entry, arguments)
    return {
        "fn": entry.name,
        "args": [plain.encode(one) for one in positional],
        "keywords": {name: plain.encode(one) for name, one in keywords.items()},
        "seed": seed,
        "watch": watch,
    }


def _called(entry: EntryPoint, arguments: Arguments, answer: object) -> Called:
    if not isinstance(answer, dict):
        raise WireError("an answer is no object")
    after: dict[str, Any] | None = None
    changed: tuple[str, ...] = ()
    if "args" in answer:
        args, keywords = answer["args"], answer.get("keywords")
        if not isinstance(args, list) or not isinstance(keywords, dict):
            raise WireError("arguments are not listed")
        names = [a.name for a in entry.arguments if a.name in arguments and a.name not in keywords]
        after = {n: plain.decode(v) for n, v in (*zip(names, args, strict=True), *keywords.items())}
        changed = tuple(map(str, tamed(answer.get("changed", []))))
    error = answer.get("error")
    if error is None:
        return Called(plain.decode(answer.get("value")), None, after, changed)
    error = tamed(error)
    if not isinstance(error, dict):
        raise WireError("an exception is not described")
    kinds, line = error.get("kinds"), error.get("line")
    if not isinstance(kinds, list):
        raise WireError("an exception is not described")
    raised = Refusal(
        tuple(map(str, kinds)),
        str(error.get("type"))[:80],
        str(error.get("message")).replace("\n", " ")[:300],
        line if type(line) is int and line > 0 else None,
    )
    return Called(None, raised, after, changed)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same, in type and in every bit, as far as they travel."""
    return repr(plain.encode(one)) == repr(plain.encode(other))
