"""Plain values as arguments in the YAML format: how each kind is written, and what it means."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic.functional_validators import AfterValidator, PlainValidator
from pydantic.json_schema import WithJsonSchema

from harness.model import DomainKind, PlainDomain, ValueArgument
from harness.read.field import Number, TrueOnly, by_key, unexpected


def _ordered(bounds: list[Any]) -> list[Any]:
    if len(bounds) != 2 or not bounds[0] <= bounds[1]:
        raise unexpected("[least, greatest]", "Give two numbers, the smaller one first.")
    return bounds


def _a_pattern(pattern: str) -> str:
    _must_compile(pattern, re.ASCII)
    return pattern


def _must_compile(pattern: str | bytes, flags: int = 0) -> None:
    try:
        re.compile(pattern, flags)
    except re.error as error:
        raise unexpected(f"a regular expression ({error})", "Correct the pattern.") from None


def bytes_of(value: object) -> bytes | None:
    """What is written as text, or as ``{hex: ff00}``, in bytes; ``None`` for anything else."""
    if isinstance(value, str):
        return value.encode()
    digits = value.get("hex") if isinstance(value, dict) and len(value) == 1 else None
    if isinstance(digits, str):
        with suppress(ValueError):
            return bytes.fromhex(digits)
    return None


def _some_bytes(value: object) -> bytes:
    found = bytes_of(value)
    if not found:
        raise unexpected(WRITTEN_BYTES, "Write such as abc, or {hex: '00ff'} with quotes.")
    return found


def _a_bytes_pattern(pattern: str) -> str:
    if not pattern.isascii():
        raise unexpected("ASCII characters and escapes such as \\xff", "Write bytes as escapes.")
    _must_compile(pattern.encode())
    return pattern


def _an_exception(name: str) -> str:
    kind = getattr(builtins, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        raise unexpected("the name of a builtin exception", "Write one such as ConnectionError.")
    return name


Whole = Annotated[list[int], AfterValidator(_ordered)]
Reals = Annotated[list[Number], AfterValidator(_ordered)]
Length = Annotated[list[Annotated[int, Field(ge=0, le=200)]], AfterValidator(_ordered)]
PRINTABLE = "".join(map(chr, range(32, 127)))
WRITTEN_BYTES = "bytes, as text or as {hex: …}"
Bytes = Annotated[
    Any,
    PlainValidator(_some_bytes),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"hex": {"type": "string"}},
                    "required": ["hex"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PlainModel(_Part):
    """What every kind of plain value may say beside."""

    kind: ClassVar[DomainKind]

    edges: list[Any] = Field([], description="Values that are always asked.")
    bad: list[Any] = Field([], description="Values outside of the domain, for the check raises.")
    optional: bool = Field(False, description="Whether None is allowed as well.")
    default: Any = Field(None, description="The default the signature promises.")
    keyword_only: bool = Field(False, description="Whether it is given by name; needs a default.")

    @property
    def has_default(self) -> bool:
        return "default" in self.model_fields_set

    def own(self) -> dict[str, Any]:
        """What of a ``PlainDomain`` its kind decides."""
        return {}

    def domain(self) -> PlainDomain:
        bare = PlainDomain(self.kind, optional=self.optional, **self.own())
        edges = [read_as(bare, edge) for edge in self.edges]
        if self.has_default:
            edges.append(read_as(bare, self.default))
        if self.optional and None not in edges:
            edges.append(None)
        bad = [read_as(bare, one) for one in self.bad]
        return PlainDomain(
            self.kind, optional=self.optional, edges=tuple(edges), bad=tuple(bad), **self.own()
        )

    def value(self, name: str) -> ValueArgument:
        domain = self.domain()
        default = read_as(domain, self.default)
        return ValueArgument(name, domain, self.has_default, default, self.keyword_only)


class IntegerModel(PlainModel):
    """An integer."""

    kind = DomainKind.INTEGER
    integer: Whole = Field(description="Least and greatest.")

    def own(self) -> dict[str, Any]:
        return {"low": self.integer[0], "high": self.integer[1]}


class RealModel(PlainModel):
    """A float, never nan or infinite but as an edge."""

    kind = DomainKind.REAL
    real: Reals = Field(description="Least and greatest.")

    def own(self) -> dict[str, Any]:
        return {"low": float(self.real[0]), "high": float(self.real[1])}


class ChoiceModel(PlainModel):
    """One of a list of values; every one of them is asked."""

    kind = DomainKind.CHOICE
    choice: list[Any] = Field(min_length=1, description="The values.")

    def own(self) -> dict[str, Any]:
        return {"values": tuple(self.choice)}


class BooleanModel(PlainModel):
    """True or False."""

    kind = DomainKind.BOOLEAN
    boolean: TrueOnly = Field(description="Always true; marks the argument as a truth value.")


class StringDomain(_Part):
    """Which strings are drawn."""

    pattern: Annotated[str, AfterValidator(_a_pattern)] | None = Field(
        None, description="A regular expression that the whole string matches; \\d is 0 to 9."
    )
    alphabet: str = Field(
        PRINTABLE, min_length=1, description="Characters to draw from, without a pattern."
    )
    length: Length = Field([0, 20], description="Least and greatest length, without a pattern.")


class StringModel(PlainModel):
    """A string."""

    kind = DomainKind.STRING
    string: StringDomain = Field(description="A pattern, or an alphabet and a length; {} is any.")

    def own(self) -> dict[str, Any]:
        low, high = self.string.length
        return {
            "pattern": self.string.pattern,
            "alphabet": self.string.alphabet,
            "low": low,
            "high": high,
        }


class BytesDomain(_Part):
    """Which bytes are drawn."""

    pattern: Annotated[str, AfterValidator(_a_bytes_pattern)] | None = Field(
        None, description="A regular expression that all bytes match; \\xff is a byte."
    )
    alphabet: Bytes | None = Field(
        None, description="Bytes to draw from, without a pattern: text, or {hex: '00ff'}."
    )
    length: Length = Field([0, 20], description="Least and greatest length, without a pattern.")


def _bytes_kind(value: object) -> str:
    return "<length>" if isinstance(value, list) else "<domain>"


class BytesModel(PlainModel):
    """Bytes; edges are written as text, which is encoded as UTF-8, or as {hex: '00ff'}."""

    kind = DomainKind.BYTES
    byte_string: Annotated[
        Annotated[Length, Tag("<length>")] | Annotated[BytesDomain, Tag("<domain>")],
        Discriminator(_bytes_kind),
    ] = Field(description="Least and greatest length, or a pattern, or an alphabet and a length.")

    def own(self) -> dict[str, Any]:
        given = self.byte_string
        if isinstance(given, list):
            return {"low": given[0], "high": given[1]}
        # A character for each byte.
        alphabet = (given.alphabet or b"").decode("latin-1")
        low, high = given.length
        return {"pattern": given.pattern, "alphabet": alphabet, "low": low, "high": high}


class ListModel(PlainModel):
    """A list of values of one kind."""

    kind = DomainKind.LIST
    list_of: Plain = Field(description="What its items are.")
    length: Length = Field([0, 8], description="Least and greatest number of items.")
    unique: bool = Field(False, description="Whether no item comes twice.")
    ordered: bool = Field(False, description="Whether the items ascend.")

    def own(self) -> dict[str, Any]:
        low, high = self.length
        kept = {"unique": self.unique, "ordered": self.ordered}
        return {"parts": (self.list_of.domain(),), "low": low, "high": high, **kept}


class TupleModel(PlainModel):
    """A tuple; edges are written as lists."""

    kind = DomainKind.TUPLE
    tuple_of: list[Plain] = Field(description="What each of its items is.")
    ordered: bool = Field(
        False, description="Whether the items ascend, as the two ends of an interval do."
    )

    def own(self) -> dict[str, Any]:
        parts = tuple(part.domain() for part in self.tuple_of)
        return {"parts": parts, "ordered": self.ordered}


class PairModel(_Part):
    """What keys and values are."""

    keys: Plain = Field(description="What each key is.")
    values: Plain = Field(description="What each value is.")


class DictModel(PlainModel):
    """A dict."""

    kind = DomainKind.DICT
    dict_of: PairModel = Field(description="What its keys and values are.")
    length: Length = Field([0, 6], description="Least and greatest number of keys.")

    def own(self) -> dict[str, Any]:
        low, high = self.length
        parts = (self.dict_of.keys.domain(), self.dict_of.values.domain())
        return {"parts": parts, "low": low, "high": high}


class GivenModel(_Part):
    """What everything that is called or iterated over may say beside."""

    kind: ClassVar[DomainKind]

    keyword_only: bool = Field(False, description="Whether it is given by name.")

    def own(self) -> dict[str, Any]:
        """What of a ``PlainDomain`` its kind decides."""
        return {}

    def domain(self) -> PlainDomain:
        return PlainDomain(self.kind, **self.own())

    def value(self, name: str) -> ValueArgument:
        return ValueArgument(name, self.domain(), keyword_only=self.keyword_only)


class CallableDomain(_Part):
    """What a callable does at each call; the last of what is drawn again and again."""

    returns: Plain | None = Field(None, description="What it returns at some calls.")
    raises: list[Annotated[str, AfterValidator(_an_exception)]] = Field(
        [], description="Builtin exceptions, one of which it raises at others."
    )
    by_argument: bool = Field(
        False,
        description="Whether the same arguments give the same, as those of a key or a predicate "
        "do; how often it is called is not compared then.",
    )
    count: Literal["exact", "any"] = Field(
        "exact",
        description="exact: it must be called as the oracle calls its own, as often and with the "
        "same arguments in the same order.",
    )


class CallableModel(GivenModel):
    """A function that is handed over; what it is called with is part of the answer."""

    kind = DomainKind.CALLABLE
    callable: CallableDomain = Field(description="What it returns and raises.")

    def own(self) -> dict[str, Any]:
        given = self.callable
        return {
            "parts": (given.returns.domain(),) if given.returns is not None else (),
            "raises": tuple(given.raises),
            "by_argument": given.by_argument,
            "counted": given.count == "exact" and not given.by_argument,
        }


class ClockModel(GivenModel):
    """A function without arguments that returns seconds; sequences move it on."""

    kind = DomainKind.CLOCK
    clock: TrueOnly = Field(description="Always true; marks the argument as a clock.")
    count: Literal["exact", "any"] = Field(
        "any", description="exact: it must be read as often as the oracle reads it."
    )

    def own(self) -> dict[str, Any]:
        return {"counted": self.count == "exact"}


class SleepModel(GivenModel):
    """A function that takes seconds and moves the clock on by them; how long is compared."""

    kind = DomainKind.SLEEP
    sleep: TrueOnly = Field(description="Always true; marks the argument as one that sleeps.")

    def own(self) -> dict[str, Any]:
        return {"counted": True}


class IteratorModel(GivenModel):
    """An iterator, which can be read once; how far it was read is seen."""

    kind = DomainKind.ITERATOR
    iterator_of: Plain = Field(description="What its items are.")
    length: Length = Field([0, 8], description="Least and greatest number of items.")
    endless: bool = Field(False, description="Whether its items come again and again for ever.")

    def own(self) -> dict[str, Any]:
        low, high = self.length
        parts = (self.iterator_of.domain(),)
        return {"parts": parts, "low": low, "high": high, "endless": self.endless}


# Keys that say which kind of plain value an argument is.
KEYS = (
    *("integer", "real", "choice", "boolean", "string", "byte_string"),
    *("list_of", "tuple_of", "dict_of"),
)
PlainKinds = (
    Annotated[IntegerModel, Tag("<integer>")]
    | Annotated[RealModel, Tag("<real>")]
    | Annotated[ChoiceModel, Tag("<choice>")]
    | Annotated[BooleanModel, Tag("<boolean>")]
    | Annotated[StringModel, Tag("<string>")]
    | Annotated[BytesModel, Tag("<byte_string>")]
    | Annotated[ListModel, Tag("<list_of>")]
    | Annotated[TupleModel, Tag("<tuple_of>")]
    | Annotated[DictModel, Tag("<dict_of>")]
)
Plain = Annotated[PlainKinds, by_key(*KEYS)]
GIVEN = ("callable", "clock", "sleep", "iterator_of")
GivenKinds = (
    Annotated[CallableModel, Tag("<callable>")]
    | Annotated[ClockModel, Tag("<clock>")]
    | Annotated[SleepModel, Tag("<sleep>")]
    | Annotated[IteratorModel, Tag("<iterator_of>")]
)
Value = Annotated[PlainKinds | GivenKinds, by_key(*GIVEN, *KEYS)]
for _model in (ListModel, TupleModel, PairModel, DictModel, CallableDomain, IteratorModel):
    _model.model_rebuild()


def read_as(domain: PlainDomain, value: Any) -> Any:
    """A value of a YAML file as Python has it: lists as tuples, text as bytes where meant.

    As it is where it is of another kind.
    """
    match domain.kind:
        case DomainKind.TUPLE if isinstance(value, list) and len(value) == len(domain.parts):
            pairs = zip(domain.parts, value, strict=True)
            return tuple(read_as(part, item) for part, item in pairs)
        case DomainKind.LIST if isinstance(value, list):
            return [read_as(domain.parts[0], item) for item in value]
        case DomainKind.DICT if isinstance(value, dict):
            keys, values = domain.parts
            return {read_as(keys, k): read_as(values, v) for k, v in value.items()}
        case DomainKind.BYTES:
            found = bytes_of(value)
            return value if found is None else found
        case DomainKind.REAL if type(value) is int:
            return float(value)
    return value


_TYPES: dict[DomainKind, type] = {
    DomainKind.BOOLEAN: bool,
    DomainKind.INTEGER: int,
    DomainKind.REAL: float,
    DomainKind.STRING: str,
    DomainKind.BYTES: bytes,
    DomainKind.LIST: list,
    DomainKind.TUPLE: tuple,
    DomainKind.DICT: dict,
}


def misfits(domain: PlainDomain, value: Any) -> Iterator[str]:
    """What keeps a value from being an edge of a domain; bounds may be passed."""
    if value is None and domain.optional:
        return
    if domain.kind is DomainKind.CHOICE:
        if value not in domain.values:
            yield f"one of {list(domain.values)}"
        return
    kind: Any = type(value)
    if kind is not _TYPES[domain.kind]:
        is_bytes = domain.kind is DomainKind.BYTES
        yield WRITTEN_BYTES if is_bytes else f"a value of the kind {domain.kind.value}"
    elif domain.kind is DomainKind.TUPLE and len(value) != len(domain.parts):
        yield f"a tuple of {len(domain.parts)}"
    elif domain.kind is DomainKind.DICT:
        for pair in value.items():
            for part, item in zip(domain.parts, pair, strict=True):
                yield from misfits(part, item)
    elif domain.kind in (DomainKind.LIST, DomainKind.TUPLE):
        parts = domain.parts if domain.kind is DomainKind.TUPLE else domain.parts * len(value)
        for part, item in zip(parts, value, strict=True):
            yield from misfits(part, item)
