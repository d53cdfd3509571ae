"""Calls with plain values: what the oracle gives, and what a candidate does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.model import EntryPoint, ValueArgument, Yields
from harness.numerics.oracles import OracleError
from harness.numerics.plain.difference import call as written
from harness.numerics.plain.difference import difference, listed_call, shown
from harness.numerics.plain.drawing import TAKEN, Arguments
from harness.sandbox.inside import calling, plain
from harness.sandbox.inside.wire import WireError
from harness.sandbox.reply import UnfitError, tamed
from harness.sandbox.session import CandidateFault, Session

# Calls per message, and the largest answer to one call.
CHUNK = 40
REPLY_BYTES = 8 * plain.MOST_SIZE
Json = dict[str, Any]


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
class Use:
    """A call of a callable that was handed over."""

    # Name of its parameter.
    name: str
    positional: tuple[Any, ...]
    keywords: Mapping[str, Any]

    def __str__(self) -> str:
        return listed_call(self.name, self.positional, self.keywords)


@dataclass(frozen=True)
class ItemFlow:
    """How the items of a generator came."""

    # Those that came, also where it raised in the end.
    items: tuple[Any, ...]
    # ``iterator``, or the type of what was returned instead.
    kind: str
    # Items read from iterators that were handed over: by the call itself, and by each item.
    reads: tuple[int, ...]


@dataclass(frozen=True)
class Called:
    """What was done with one call, by a candidate or the oracle."""

    # Its result; ``None`` where it raised.
    value: Any
    raised: Refusal | None = None
    # The arguments afterwards, by name, and what else changed; of a watched call.
    after: Mapping[str, Any] | None = None
    changed: tuple[str, ...] = ()
    # Calls of what was handed over, in order.
    uses: tuple[Use, ...] = ()
    # Of a generator.
    flow: ItemFlow | None = None
    # What later calls changed: its result, and arguments of it.
    later: tuple[str, ...] = ()

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
    # Calls that the oracle makes of what it was handed over.
    uses: tuple[Use, ...] = ()
    # Of a generator.
    flow: ItemFlow | None = None
    # Whether the oracle itself decided to raise, rather than what it called.
    on_purpose: bool = False

    def written(self) -> str:
        """The call in Python."""
        positional, keywords = split(self.entry.values, self.arguments)
        call = written(self.entry.name, positional, keywords)
        if self.entry.yields is None:
            return call
        return f"list(islice({call}, {self.arguments[TAKEN]}))"


def split(
    parameters: Sequence[ValueArgument], arguments: Arguments
) -> tuple[list[Any], dict[str, Any]]:
    """Arguments as they are handed over: by place as far as none before was left out."""
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    by_place = True
    for argument in parameters:
        by_place = by_place and not argument.keyword_only and not argument.has_default
        if argument.name not in arguments:
            continue
        if by_place:
            positional.append(arguments[argument.name])
        else:
            keywords[argument.name] = arguments[argument.name]
    return positional, keywords


def put(entry: EntryPoint, arguments: Arguments) -> Json:
    """A call as it travels."""
    return {
        "fn": entry.name,
        **sent(entry.values, arguments),
        "take": arguments.get(TAKEN) if entry.yields is not None else None,
    }


def sent(parameters: Sequence[ValueArgument], arguments: Arguments) -> Json:
    """Arguments as they travel."""
    positional, keywords = split(parameters, arguments)
    return {
        "args": [plain.encode(one) for one in positional],
        "keywords": {name: plain.encode(one) for name, one in keywords.items()},
    }


def expect(
    function: Callable[..., Any], entry: EntryPoint, arguments: Arguments, valid: bool = True
) -> Expectation:
    """What the oracle gives. Raises ``OracleError`` for a value that does not travel."""
    told = by_oracle(entry, lambda: calling.call(function, put(entry, arguments), Exception)[0])
    found = read_right(entry, told, shown(arguments))
    purpose = "error" in told and told["error"]["raised_in"] == function.__code__.co_filename
    return Expectation(
        entry, arguments, found.value, found.raised, valid, found.uses, found.flow, purpose
    )


def by_oracle(entry: EntryPoint, run: Callable[[], Any]) -> Any:
    """What the oracle does. Raises ``OracleError`` where it never ends to use what it is given."""
    try:
        return run()
    except calling.OverusedError as error:
        raise OracleError(
            entry.name, f"makes {error}, expected it to end; give it other outcomes"
        ) from None


def oracle_peak(
    function: Callable[..., Any], entry: EntryPoint, arguments: Arguments
) -> int | None:
    """The most bytes that a call of the oracle has in use; ``None`` where it raises."""
    sending = put(entry, arguments)
    told = by_oracle(entry, lambda: calling.peak(function, sending, Exception))
    return None if "error" in told else told["value"]


def read_right(entry: EntryPoint, told: Json, about: str) -> Called:
    """What the oracle told. Raises ``OracleError`` for a value that does not travel."""
    if "error" not in told and holds_other(told.get("value")):
        raise OracleError(
            entry.name,
            f"returns {shown(plain.decode(told['value']))} for {about}, expected plain values: "
            "None, numbers, strings, bytes, and lists, tuples, sets and dicts of them",
        )
    return read(told)


def holds_other(data: Any) -> bool:
    """Whether something in what was encoded does not travel."""
    if isinstance(data, list):
        return bool(data) and (data[0] == "other" or any(map(holds_other, data[1:])))
    return False


def ask(
    session: Session,
    entry: EntryPoint,
    calls: Sequence[Arguments],
    *,
    seed: int = 0,
    watch: bool = False,
    fresh: bool = False,
    peak: bool = False,
) -> list[Called]:
    """What the candidate does with each call.

    Where ``peak``, the value is not its result but the most bytes it had in use, or ``None``.
    Raises ``CandidateFault`` where the process ends, hangs or sends nonsense.
    """
    more = {"seed": seed, "watch": watch, "peak": peak}
    sending = [{**put(entry, one), **more} for one in calls]
    pairs = zip(calls, request(session, sending, fresh), strict=True)
    with_arguments = [(arguments, told) for arguments, told in pairs]
    return _told(lambda: [_of_call(entry, *pair) for pair in with_arguments])


def request(session: Session, calls: Sequence[Json], fresh: bool = False) -> list[Any]:
    """What the candidate tells of each call; where ``fresh`` it loads its code anew before.

    Raises ``CandidateFault``.
    """
    found: list[Any] = []
    for begin in range(0, len(calls), CHUNK):
        some = calls[begin : begin + CHUNK]
        header: Json = {"do": "plain", "calls": some, "fresh": fresh}
        _, tensors = session.request(header, reply_bytes=REPLY_BYTES * len(some))

        def several(count: int = len(some), tensors: Any = tensors) -> list[Any]:
            (answers,) = map(plain.from_tensor, tensors)
            if not isinstance(answers, list) or len(answers) != count:
                raise WireError("another number of answers than of calls")
            return answers

        found += _told(several)
    return found


def _told(make: Callable[[], list[Any]]) -> list[Any]:
    """What ``make`` reads of a reply. Raises ``CandidateFault`` where it is malformed."""
    try:
        return make()
    except (WireError, UnfitError, TypeError, ValueError) as error:
        raise CandidateFault(f"the process sent a malformed reply: {error}") from None


def read_all(told: Sequence[Any]) -> list[Called | None]:
    """The steps of a sequence; ``None`` where nothing was called. Raises ``CandidateFault``."""
    return _told(lambda: [None if one is None else read(one) for one in told])


def _of_call(entry: EntryPoint, arguments: Arguments, answer: object) -> Called:
    found = read(answer)
    if not isinstance(answer, dict) or "args" not in answer:
        return found
    args, keywords = answer["args"], answer.get("keywords")
    if not isinstance(args, list) or not isinstance(keywords, dict):
        raise WireError("arguments are not listed")
    names = [a.name for a in entry.values if a.name in arguments and a.name not in keywords]
    after = {n: plain.decode(v) for n, v in (*zip(names, args, strict=True), *keywords.items())}
    changed = tuple(map(str, tamed(answer.get("changed", []))))
    later = tuple(map(str, tamed(answer.get("later", []))))
    return Called(found.value, found.raised, after, changed, found.uses, found.flow, later)


def read(answer: object) -> Called:
    """What was told of a call. Raises ``WireError`` and ``UnfitError``."""
    if not isinstance(answer, dict):
        raise WireError("an answer is no object")
    uses = tuple(_use(one) for one in answer.get("uses", []))
    flow = _item_flow(answer) if "reads" in answer else None
    error = answer.get("error")
    if error is None:
        return Called(plain.decode(answer.get("value")), uses=uses, flow=flow)
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
    return Called(None, raised, uses=uses, flow=flow)


def _item_flow(answer: Json) -> ItemFlow:
    items, kind, reads = (plain.decode(answer.get("value")), answer.get("kind"), answer["reads"])
    if not isinstance(items, list) or not isinstance(kind, str) or not isinstance(reads, list):
        raise WireError("items are not listed")
    return ItemFlow(tuple(items), kind[:100], tuple(map(int, reads)))


def _use(told: object) -> Use:
    match told:
        case {"name": str(name), "given": [positional, keywords]}:
            args, named = plain.decode(positional), plain.decode(keywords)
            if isinstance(args, tuple) and isinstance(named, dict):
                return Use(name[:80], args, {str(key): value for key, value in named.items()})
    raise WireError("a call of what was handed over is not described")


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same, in type and in every bit, as far as they travel."""
    return repr(plain.encode(one)) == repr(plain.encode(other))


def used_otherwise(
    parameters: Sequence[ValueArgument],
    expected: Sequence[Use],
    found: Sequence[Use],
    rtol: float,
    atol: float,
) -> str | None:
    """How callables were called otherwise than by the oracle, where that is part of the answer."""
    for argument in parameters:
        if not argument.domain.counted:
            continue
        wanted = [use for use in expected if use.name == argument.name]
        made = [use for use in found if use.name == argument.name]
        for place, (one, other) in enumerate(zip(wanted, made, strict=False), 1):
            both = [(list(use.positional), dict(use.keywords)) for use in (one, other)]
            if difference(both[0], both[1], rtol, atol) is not None:
                return f"made call {place} of {argument.name} as {other}, expected {one}"
        if len(wanted) != len(made):
            return f"called {argument.name} {_times(len(made))}, expected {_times(len(wanted))}"
    return None


def eager(yields: Yields, wanted: ItemFlow | None, found: ItemFlow | None) -> str | None:
    """How items came sooner or in another way than lazily; ``None`` where they did not."""
    if not yields.lazy or wanted is None or found is None:
        return None
    if found.kind in _READY:
        return f"gave a {found.kind}, expected an iterator"
    for place, (due, read) in enumerate(zip(wanted.reads, found.reads, strict=False)):
        if read > due + yields.ahead:
            before = f"item {place}" if place else "the first item"
            return f"read {read} items for {before}, expected {due} as the oracle does"
    return None


# Types whose items are all there.
_READY = ("list", "tuple", "set", "frozenset", "dict", "str", "bytes", "deque")


@dataclass(frozen=True)
class Unlike:
    """What is wrong with what a candidate did."""

    # In words that follow the call.
    words: str
    # Whether all is right but what was done with callables.
    by_use: bool = False


def unlike(
    wanted: Called | Expectation,
    found: Called,
    parameters: Sequence[ValueArgument],
    rtol: float,
    atol: float,
    also: tuple[str, ...] = (),
) -> Unlike | None:
    """What is wrong with what a candidate did; ``None`` for nothing.

    ``also`` names exceptions that are right beside the oracle's.
    """
    if wanted.raised is not None:
        kinds = (*wanted.raised.kinds[:1], *also)
        if found.raised is None:
            return Unlike(f"gave {shown(found.value)}, expected {kinds[0]}")
        if not set(kinds) & set(found.raised.kinds):
            return Unlike(f"raised {found.raised}, expected {kinds[0]}")
        if wanted.flow is not None and found.flow is not None:
            off = difference([*wanted.flow.items], [*found.flow.items], rtol, atol)
            if off is not None:
                return Unlike(f"gave {off} before it raised")
    elif found.raised is not None:
        return Unlike(f"raised {found.raised}, expected {shown(wanted.value)}")
    else:
        off = difference(wanted.value, found.value, rtol, atol)
        if off is not None:
            return Unlike(f"gave {off}")
    used = used_otherwise(parameters, wanted.uses, found.uses, rtol, atol)
    return None if used is None else Unlike(used, by_use=True)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
