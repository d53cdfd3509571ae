"""Draws plain values with hypothesis, so that inputs that fail can be made smaller.

What is drawn follows from the run's seed alone: not from a database, nor from the constants of
whatever modules happen to be loaded.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, configuration, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from hypothesis.internal.conjecture.engine import ConjectureRunner
from hypothesis.internal.conjecture.providers import HypothesisProvider

from harness.model import DomainKind, EntryPoint, PlainDomain, ValueArgument
from harness.sandbox.inside.plain import Raising, Scripted, encode

Arguments = dict[str, Any]
# Beside the arguments of a generator function: how many items are taken. No parameter is called so.
TAKEN = "number of items"
T = TypeVar("T")
ASCII = "".join(map(chr, range(32, 127))) + "\t\n"
# Times are multiples of one over this, so that sums and differences of them are exact; a clock
# begins at most so late.
GRAIN, STARTS = 64, 1000
# Usual values for each one that is to be refused, and calls for each time that a clock moves on.
USUAL = 5
# Held while hypothesis draws without constants of the source of loaded modules, and keeps no tables
# of characters in the folder of whoever calls.
_ALONE = RLock()
_HOME = "__hypothesis_home_directory"
# Characters that are put where they do not belong.
STRANGE = " -+.,:;/0919aAzZ_\t\n\x00é²٣"
STRANGE_BYTES = " -+.,:;/0919aAzZ_\t\n\x00\x80\xff"


def strategy(domain: PlainDomain, exact: bool = False) -> st.SearchStrategy[Any]:
    """Values of a domain, its edges more often than they would come by themselves.

    ``exact`` where floats must be such that sums of them are.
    """
    found = st.deferred(lambda: _bare(domain, exact))
    if domain.optional:
        found = st.none() | found
    return st.sampled_from(domain.edges) | found | found if domain.edges else found


def _bare(domain: PlainDomain, exact: bool = False) -> st.SearchStrategy[Any]:
    low, high = int(domain.low), int(domain.high)
    parts = [strategy(part, exact) for part in domain.parts]
    match domain.kind:
        case DomainKind.NONE:
            return st.none()
        case DomainKind.BOOLEAN:
            return st.booleans()
        case DomainKind.INTEGER:
            return st.integers(low, high)
        case DomainKind.REAL:
            return _reals(domain.low, domain.high, exact)
        case DomainKind.CHOICE:
            return st.sampled_from(domain.values)
        case DomainKind.STRING if domain.pattern is not None:
            # Tables of all characters take long to make.
            known = "".join(sorted({*ASCII, *domain.pattern}))
            pattern = re.compile(domain.pattern, re.ASCII)
            return st.from_regex(pattern, fullmatch=True, alphabet=known)
        case DomainKind.STRING:
            return st.text(st.sampled_from(domain.alphabet), min_size=low, max_size=high)
        case DomainKind.BYTES if domain.pattern is not None:
            return st.from_regex(re.compile(domain.pattern.encode()), fullmatch=True)
        case DomainKind.BYTES if domain.alphabet:
            some = st.sampled_from(domain.alphabet.encode("latin-1"))
            return st.lists(some, min_size=low, max_size=high).map(bytes)
        case DomainKind.BYTES:
            return st.binary(min_size=low, max_size=high)
        case DomainKind.LIST:
            by = repr if domain.unique else None
            items = st.lists(parts[0], min_size=low, max_size=high, unique_by=by)
            return items.map(sorted) if domain.ordered else items
        case DomainKind.TUPLE:
            several = st.tuples(*parts)
            return several.map(lambda one: tuple(sorted(one))) if domain.ordered else several
        case DomainKind.DICT:
            return st.dictionaries(parts[0], parts[1], min_size=low, max_size=high)
        case DomainKind.CALLABLE:
            raised = [st.sampled_from([Raising(kind) for kind in domain.raises])]
            each = st.one_of(*parts, *(raised if domain.raises else []))
            return st.lists(each, min_size=4 if domain.by_argument else 1, max_size=8).map(tuple)
        case DomainKind.CLOCK | DomainKind.SLEEP:
            return st.tuples(_reals(0, STARTS, True))
        case DomainKind.ITERATOR:
            least = max(low, 1) if domain.endless else low
            return st.lists(parts[0], min_size=least, max_size=max(least, high)).map(tuple)


def _reals(low: float, high: float, exact: bool) -> st.SearchStrategy[float]:
    first, last = math.ceil(low * GRAIN), math.floor(high * GRAIN)
    if exact and first <= last:
        return st.integers(first, last).map(lambda number: number / GRAIN)
    return st.floats(low, high, allow_nan=False, allow_infinity=False)


def _argument(argument: ValueArgument, exact: bool) -> st.SearchStrategy[Any]:
    domain = argument.domain
    found = strategy(domain, exact)
    if not domain.is_given:
        return found
    return st.builds(
        lambda outcomes: Scripted(
            domain.kind.value, argument.name, outcomes, domain.by_argument, domain.endless
        ),
        found,
    )


@st.composite
def garbled(draw: st.DrawFn, domain: PlainDomain) -> str | bytes:
    """A string or bytes of a domain with a character put in, left out, changed or doubled."""
    found: str | bytes = draw(_bare(domain))
    # A character for each byte.
    text = found if isinstance(found, str) else found.decode("latin-1")
    known = STRANGE if isinstance(found, str) else STRANGE_BYTES
    place = draw(st.integers(0, len(text)))
    strange = draw(st.sampled_from(known + text))
    begin, end = text[:place], text[place:]
    other = draw(
        st.sampled_from(
            [begin + strange + end, begin + end[1:], begin + strange + end[1:], begin + text + end]
        )
    )
    return other if isinstance(found, str) else other.encode("latin-1")


def arguments(entry: EntryPoint, spoiled: str = "") -> st.SearchStrategy[Arguments]:
    """Arguments by name; the string called ``spoiled`` is garbled."""
    found = of_parameters(entry.values, spoiled, entry.has_clock)
    if entry.yields is None:
        return found
    taken = st.integers(entry.yields.least, entry.yields.most)
    return st.builds(lambda drawn, count: {**drawn, TAKEN: count}, found, taken)


def of_parameters(
    parameters: Iterable[ValueArgument], spoiled: str, exact: bool, *, bad: bool = False
) -> st.SearchStrategy[Arguments]:
    """Arguments by name; where ``bad``, some are those that are to be refused."""
    optional: dict[str, st.SearchStrategy[Any]] = {}
    needed: dict[str, st.SearchStrategy[Any]] = {}
    for argument in parameters:
        found = _argument(argument, exact)
        if bad and argument.domain.bad:
            found = st.one_of(*[found] * USUAL, st.sampled_from(argument.domain.bad))
        if argument.name == spoiled:
            found = garbled(argument.domain)
        elif argument.has_default:
            optional[argument.name] = found
            continue
        needed[argument.name] = found
    return st.fixed_dictionaries(needed, optional=optional)


def outside_of(entry: EntryPoint) -> st.SearchStrategy[Arguments]:
    """Arguments of which one is out of its domain: beyond it, of another type or broken inside."""
    usual = arguments(entry)
    able = [argument for argument in entry.values if not argument.domain.is_given]
    ways = [
        st.builds(lambda name, value: {name: value}, st.just(a.name), _outside(a.domain))
        for a in able
    ]
    return st.builds(lambda drawn, off: {**drawn, **off}, usual, st.one_of(ways))


# Values of types that are meant nowhere in particular.
_ODD = (None, "x", 0, 1.5, True)


def _outside(domain: PlainDomain) -> st.SearchStrategy[Any]:
    # Lists by themselves, as what is drawn may be changed.
    odd: st.SearchStrategy[Any] = st.sampled_from(_ODD) | st.builds(list) | st.builds(dict)
    low, high = domain.low, domain.high
    usual = _bare(domain)
    match domain.kind:
        case DomainKind.INTEGER:
            # Not far beyond: an oracle may take for ever there.
            beyond = (int(low) - 1, int(low) - 2, int(high) + 1)
            return st.one_of(*[st.sampled_from(beyond)] * USUAL, odd)
        case DomainKind.REAL:
            below, above = low - 1.0, high + 1.0
            beyond_reals = (below, above, below - 1.0)
            return st.one_of(*[st.sampled_from(beyond_reals)] * USUAL, odd)
        case DomainKind.CHOICE:
            return st.sampled_from(("other", -1)) | odd
        case DomainKind.LIST | DomainKind.TUPLE if domain.parts:
            broken = st.builds(_broken, usual, st.integers(0, 50), _outside_parts(domain))
            reordered = usual.map(lambda items: type(items)(reversed(items)))
            turned = st.builds(_turned, usual, st.integers(0, 50))
            return st.one_of(broken, broken, broken, reordered, turned, turned, odd)
        case DomainKind.DICT:
            part = _outside_parts(domain)
            broken = st.builds(lambda d, v: {**d, **dict.fromkeys(list(d)[:1], v)}, usual, part)
            return st.one_of(broken, broken, odd)
    return odd


def is_of_type(domain: PlainDomain, value: Any) -> bool:
    """Whether a value is of the type that a domain has, inside as well; bounds may be passed."""
    if value is None and domain.optional:
        return True
    kinds = {type(one) for one in domain.values} or {_TYPES.get(domain.kind, type(None))}
    if type(value) not in kinds:
        return False
    if domain.kind is DomainKind.DICT:
        key, item = domain.parts
        return all(is_of_type(key, k) and is_of_type(item, v) for k, v in value.items())
    if domain.kind is DomainKind.TUPLE:
        pairs = zip(domain.parts, value, strict=False)
        return len(value) == len(domain.parts) and all(is_of_type(*pair) for pair in pairs)
    return domain.kind is not DomainKind.LIST or all(is_of_type(domain.parts[0], v) for v in value)


_TYPES: dict[DomainKind, type] = {
    DomainKind.NONE: type(None),
    DomainKind.BOOLEAN: bool,
    DomainKind.INTEGER: int,
    DomainKind.REAL: float,
    DomainKind.STRING: str,
    DomainKind.BYTES: bytes,
    DomainKind.LIST: list,
    DomainKind.TUPLE: tuple,
    DomainKind.DICT: dict,
}


def _outside_parts(domain: PlainDomain) -> st.SearchStrategy[Any]:
    return st.one_of([_outside(part) for part in domain.parts])


def _broken(items: Any, place: int, other: Any) -> Any:
    """With one item that is another."""
    place = place % (len(items) + 1)
    return type(items)([*items[:place], other, *items[place + 1 :]])


def _turned(items: Any, place: int) -> Any:
    """With one item whose own items are in reverse."""
    if not items or not isinstance(items[place % len(items)], list | tuple):
        return items
    turned = items[place % len(items)]
    return _broken(items, place % len(items), type(turned)(reversed(turned)))


def drawn(found: st.SearchStrategy[T], seed: str, count: int) -> list[T]:
    """``count`` examples at most, the same ones for the same seed."""
    examples: list[T] = []
    _run(found, seed, count, examples.append, Phase.generate)
    return examples


def smallest(
    found: st.SearchStrategy[T],
    seed: str,
    count: int,
    fails: Callable[[T], bool],
    most: int,
) -> T | None:
    """The simplest arguments that hypothesis finds to fail, looking at ``most`` in all.

    ``fails`` may raise ``Enough``.
    """
    failed: list[T] = []
    left = iter(range(most))

    def look(example: T) -> None:
        if next(left, None) is None:
            raise Enough
        if fails(example):
            failed.append(example)
            raise _Fails

    # An answer that is not the same again is flaky to hypothesis.
    with suppress(_Fails, Enough, HypothesisException):
        _run(found, seed, count, look, Phase.generate, Phase.shrink)
    return failed[-1] if failed else None


class _Fails(Exception):
    """Arguments that fail; hypothesis makes them smaller."""


class Enough(BaseException):
    """Ends the search; hypothesis lets it through."""


def _run(
    found: st.SearchStrategy[T],
    seed: str,
    count: int,
    look: Callable[[T], None],
    *phases: Phase,
) -> None:
    @seeded(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(found)
    def run(example: T) -> None:
        look(example)

    nothing = patch.object(HypothesisProvider, "_maybe_draw_constant", _nothing, create=True)
    nowhere = patch.object(configuration, _HOME, Path(os.devnull, "none"), create=True)
    # Each example by itself: changed ones of the last are too much like it to find much.
    afresh = patch.object(ConjectureRunner, "generate_mutations_from", _nothing, create=True)
    with _ALONE, nothing, nowhere, afresh:
        run()


def _nothing(*_: object, **__: object) -> None:
    """Stands for a constant to draw."""


def always_asked(domain: PlainDomain) -> tuple[Any, ...]:
    """The edges of a domain, the values of a choice, and both truth values; each of them once."""
    truths = (False, True) if domain.kind is DomainKind.BOOLEAN else ()
    every = (*domain.edges, *domain.values, *truths)
    return tuple({json.dumps(encode(value)): value for value in every}.values())


def edge_cases(entry: EntryPoint, seed: str) -> Iterator[Arguments]:
    """Every edge of every argument, the others drawn; every value of a choice is one."""
    usual = drawn(arguments(entry), f"{seed}/beside edges", 8) or [{}]
    turn = 0
    for argument in entry.values:
        domain = argument.domain
        truths = (False, True) if domain.kind is DomainKind.BOOLEAN else ()
        for edge in (*domain.edges, *domain.values, *truths):
            turn += 1
            yield {**usual[turn % len(usual)], argument.name: edge}


def bad_cases(entry: EntryPoint, seed: str) -> Iterator[Arguments]:
    """Every bad value of every argument, the others drawn."""
    usual = drawn(arguments(entry), f"{seed}/beside bad", 8) or [{}]
    turn = 0
    for argument in entry.values:
        for bad in argument.domain.bad:
            turn += 1
            yield {**usual[turn % len(usual)], argument.name: bad}
