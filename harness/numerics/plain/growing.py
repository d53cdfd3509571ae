"""Plain values of any size, drawn without hypothesis, which is not made for long ones."""

from __future__ import annotations

import random
from typing import Any

from harness.model import DomainKind, PlainDomain, ValueArgument
from harness.numerics.plain.drawing import drawn, strategy
from harness.sandbox.inside.plain import Scripted

# What can be made larger.
GROWS = (
    DomainKind.LIST,
    DomainKind.STRING,
    DomainKind.BYTES,
    DomainKind.DICT,
    DomainKind.INTEGER,
    DomainKind.ITERATOR,
)
# Values of a kind that only hypothesis can draw, from which others are chosen.
POOL = 100


def grown(argument: ValueArgument, size: int, rng: random.Random, ascending: bool = False) -> Any:
    """A value of so many items, keys, characters or bytes, as far as so many differ.

    Of an integer that value. Where ``ascending``, and they can be, items are in order.
    """
    domain = argument.domain
    match domain.kind:
        case DomainKind.INTEGER:
            return size
        case DomainKind.STRING | DomainKind.BYTES if domain.pattern is not None:
            return max((_one(domain, rng) for _ in range(POOL)), key=len)
        case DomainKind.STRING:
            return "".join(rng.choices(domain.alphabet, k=size))
        case DomainKind.BYTES if domain.alphabet:
            return bytes(rng.choices(domain.alphabet.encode("latin-1"), k=size))
        case DomainKind.BYTES:
            return rng.randbytes(size)
        case DomainKind.DICT:
            keys, values = domain.parts
            return {_one(keys, rng): _one(values, rng) for _ in range(size)}
        case DomainKind.LIST | DomainKind.ITERATOR:
            items = [_one(domain.parts[0], rng) for _ in range(size)]
            if domain.unique:
                items = [*{repr(item): item for item in items}.values()]
            if ascending or domain.ordered:
                items.sort(key=_ascending)
            if domain.kind is DomainKind.LIST:
                return items
            return Scripted(domain.kind.value, argument.name, tuple(items))
    raise ValueError(f"a {domain.kind.value} has no size")


def _ascending(item: Any) -> Any:
    return item if isinstance(item, int | float) else len(repr(item)), repr(item)


def _one(domain: PlainDomain, rng: random.Random) -> Any:
    match domain.kind:
        case DomainKind.INTEGER:
            return rng.randint(int(domain.low), int(domain.high))
        case DomainKind.REAL:
            return rng.uniform(domain.low, domain.high)
        case DomainKind.BOOLEAN:
            return rng.random() < 0.5
        case DomainKind.CHOICE:
            return rng.choice(domain.values)
        case DomainKind.STRING if domain.pattern is None:
            length = rng.randint(int(domain.low), int(domain.high))
            return "".join(rng.choices(domain.alphabet, k=length))
        case DomainKind.TUPLE:
            items = [_one(part, rng) for part in domain.parts]
            return tuple(sorted(items) if domain.ordered else items)
        case DomainKind.LIST:
            length = rng.randint(int(domain.low), int(domain.high))
            return [_one(domain.parts[0], rng) for _ in range(length)]
    return rng.choice(_pool(domain, rng))


def _pool(domain: PlainDomain, rng: random.Random) -> list[Any]:
    return drawn(strategy(domain), str(rng.random()), POOL)
