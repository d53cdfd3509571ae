"""Checks names that a schema cannot: what refers to what, within a file and beside it."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness.errors import nearest
from harness.model import FLAGS, KINK_MARGIN, DomainKind, Notice, PlainDomain, ValueArgument
from harness.read.document import YamlDocument
from harness.read.field import SLUG
from harness.read.problem import KeyPath, Problem, described, listed
from harness.read.scenarios.schema import (
    PRESSURES,
    BehaviourModel,
    CheckModel,
    EntryPointModel,
    IndicesModel,
    LayersModel,
    MaskModel,
    NumbersModel,
    RationalizationModel,
    RedFlagModel,
    ScenarioModel,
    SizeModel,
    TensorModel,
    TrapModel,
)
from harness.read.scenarios.values import CallableModel, GivenModel, PlainModel, misfits

# Elements of one tensor: as float64 32 MiB, of which a check holds a few.
MOST_ELEMENTS = 1 << 22
T = TypeVar("T", str, list[Any], dict[str, Any])
K = TypeVar("K")
M = TypeVar("M", bound=BaseModel)
Row = TypeVar("Row", TrapModel, RationalizationModel, RedFlagModel)


def skill_problems(document: YamlDocument) -> Iterator[Problem]:
    """Ids that stand twice in one of the skill's tables."""
    yield from _repeats(document, "rationalizations", RationalizationModel)
    yield from _repeats(document, "red_flags", RedFlagModel)
    for number, flag in _rows(document, "red_flags", RedFlagModel):
        if flag.id not in FLAGS and not flag.seen_by:
            remedy = (
                "Nothing looks for it, so it would never be raised: say under seen_by what does."
            )
            where = "red flags with a detector"
            yield _unknown(document, ("red_flags", number, "id"), flag.id, where, FLAGS, remedy)


def scenario_problems(
    document: YamlDocument,
    rows: Collection[str] | None,
    flags: Collection[str] | None,
    pressures: Collection[str],
) -> Iterator[Problem]:
    """Every broken reference; ``rows`` and ``flags`` are the skill's ids, ``None`` if unreadable.

    ``pressures`` are those that the skill names beside the usual ones.

    Works part by part on what is valid, so that a mistake elsewhere in the file hides nothing.
    """
    id, stem = _part(document, "id", str), document.path.stem
    if re.match(SLUG, id) and id != stem:
        expected = f"{stem!r}, the file's name without .yaml"
        remedy = "Rename the file or correct the id."
        yield document.problem(("id",), described(id), expected, remedy)
    known = (*PRESSURES, *pressures)
    for number, name in enumerate(_part(document, "pressures", list)):
        if isinstance(name, str) and name not in known:
            remedy = "Correct the name, or list it under pressures in skill.yaml."
            yield _unknown(document, ("pressures", number), name, "pressures", known, remedy)
    yield from _repeats(document, "traps", TrapModel)
    for number, trap in _rows(document, "traps", TrapModel):
        if rows is not None and trap.id not in rows:
            remedy = "Use a row of skill.yaml or add one there."
            key: KeyPath = ("traps", number, "id")
            yield _unknown(document, key, trap.id, "rationalizations of skill.yaml", rows, remedy)
    yield from _one_without_the_other(document)
    entry_points = _part(document, "entry_points", dict)
    for name, entry in _valid(EntryPointModel, entry_points.items()):
        yield from _entry_point_problems(document, ("entry_points", name), entry)
    for section in ("checks", "advisory"):
        for number, check in _rows(document, section, CheckModel):
            for place, name in enumerate(check.entry_points):
                key = (section, number, "entry_points", place)
                if name not in entry_points:
                    remedy = "Correct the name or define it under entry_points."
                    where = "entry points of the scenario"
                    yield _unknown(document, key, name, where, entry_points, remedy)
                elif name in check.entry_points[:place]:
                    found, expected = f"{name!r} again", "each entry point once"
                    yield document.problem(key, found, expected, "Delete one of the two.")
    yield from _behaviour_problems(document, flags)


def notice_problems(document: YamlDocument, scenario: ScenarioModel) -> Iterator[Problem]:
    """What no right answer's tests need notice; of a scenario that has no other problem."""
    entries = [entry.value(name) for name, entry in scenario.entry_points.items()]
    named = scenario.verified_by.notices
    function = scenario.asks_for_function
    there = {
        Notice.VALUE: True,
        Notice.SOURCE: any(entry.is_plain for entry in entries),
        **dict.fromkeys(_OF_FUNCTIONS, function or any(e.differentiable for e in entries)),
    }
    kept = [notice for notice in named if there[notice]]
    # What the tests of any right answer can be spoiled by.
    enough = {Notice.VALUE, *(_OF_FUNCTIONS if function else ())}
    if not entries or not named or (kept == named and enough & {*named}):
        return
    if kept != named:
        why = "source where values are plain, gradients where a gradient flows"
    elif _OF_FUNCTIONS & {*named}:
        why = "value among them: without a Function no backward is there to be spoiled"
    else:
        why = "value among them: beside it is counted how much of the source is noticed"
    if not enough & {*kept}:
        kept = [Notice.VALUE, *kept]
    found, write = (f"[{', '.join(one.value for one in some)}]" for some in (named, kept))
    remedy = f"Write notices: {write}, or leave verified_by out."
    yield document.problem(("verified_by", "notices"), found, why, remedy)


# What an answer without a Function has none of.
_OF_FUNCTIONS = frozenset({Notice.GRADIENT, Notice.SECOND_ORDER})


def _one_without_the_other(document: YamlDocument) -> Iterator[Problem]:
    """Code that nothing checks, checks of no code, pressure that no request puts."""
    given = document.value if isinstance(document.value, dict) else {}
    if ("entry_points" in given) != ("checks" in given):
        order = ("entry_points", "checks")
        has, lacks = order if "entry_points" in given else reversed(order)
        found, expected = f"no {lacks}", "both, or neither where words alone are judged"
        yield document.problem((has,), found, expected, f"Add {lacks}, or take {has} out.")
    requests = _part(document, "requests", dict)
    under = "pressures" in given or "follow_ups" in requests
    if requests and ("pressured" in requests) != under:
        remedy = "Write it under requests.pressured and name its pressures, or leave out all three."
        found = "a pressured request" if "pressured" in requests else "no pressured request"
        expected = "one where there are pressures, and only there"
        yield document.problem(("requests",), found, expected, remedy)


def _behaviour_problems(document: YamlDocument, flags: Collection[str] | None) -> Iterator[Problem]:
    """Rules that look at evidence which this scenario never has."""
    checks = [*_part(document, "checks", list), *_part(document, "advisory", list)]
    kinds = [c.get("kind") if isinstance(c, dict) else c for c in checks]
    traps = [trap.id for _, trap in _rows(document, "traps", TrapModel)]
    known: dict[str, tuple[str, Collection[str] | None]] = {
        "check": ("checks of the scenario", dict.fromkeys(str(kind) for kind in kinds)),
        "trap": ("traps of the scenario", traps),
        "flag": ("red flags of skill.yaml", flags),
    }
    evidence: list[tuple[KeyPath, object]] = [
        (("expected_behaviour", number, part), getattr(line, part))
        for number, line in _rows(document, "expected_behaviour", BehaviourModel)
        for part in ("decided_by", "shown_by", "refuted_by")
    ]
    evidence += [
        (("traps", number, "upheld_by"), trap.upheld_by)
        for number, trap in _rows(document, "traps", TrapModel)
    ]
    for at, rule in evidence:
        for kind, (where, names) in known.items():
            for place, name in enumerate(getattr(rule, kind, ())):
                if names is not None and name not in names:
                    remedy = "A rule can only look at what the scenario asks for."
                    yield _unknown(document, (*at, kind, place), name, where, names, remedy)


def _part(document: YamlDocument, key: str, kind: type[T]) -> T:
    """A top-level value of the document, empty where it is missing or of another type."""
    value = document.value.get(key) if isinstance(document.value, dict) else None
    return value if isinstance(value, kind) else kind()


def _rows(document: YamlDocument, section: str, model: type[M]) -> Iterator[tuple[int, M]]:
    """The valid entries of a top-level list with their places, from 0."""
    yield from _valid(model, enumerate(_part(document, section, list)))


def _valid(model: type[M], parts: Iterable[tuple[K, Any]]) -> Iterator[tuple[K, M]]:
    """The parts that fit the model; what is wrong with the others has been said already."""
    for key, value in parts:
        with contextlib.suppress(ValidationError):
            yield key, model.model_validate(value)


def _entry_point_problems(
    document: YamlDocument, key: KeyPath, entry: EntryPointModel
) -> Iterator[Problem]:
    names = list(entry.arguments)
    dimensions: dict[str, None] = {}
    for part, name, argument in _every_argument(entry):
        at = (*key, part, name)
        if isinstance(argument, TensorModel):
            dimensions |= dict.fromkeys(d for d in argument.tensor or () if isinstance(d, str))
            if not argument.value(name).spans():
                found = f"{described(argument.range)} with kinks at {argument.kinks}"
                expected = f"a range of which some lies {KINK_MARGIN:g} and more from every kink"
                remedy = "Widen the range or drop a kink."
                yield document.problem((*at, "range"), found, expected, remedy)
            if argument.values and argument.kinks:
                found, expected = "values and kinks", "one of the two"
                remedy = "A tensor of few values has no gradient, so it has no kinks."
                yield document.problem((*at, "kinks"), found, expected, remedy)
            if argument.values and argument.edges:
                found, expected = "values and edges", "one of the two"
                remedy = "It is asked at each of its values; add to these what is missing."
                yield document.problem((*at, "edges"), found, expected, remedy)
        elif isinstance(argument, IndicesModel):
            used = [*(argument.indices or ()), argument.below]
            dimensions |= dict.fromkeys(d for d in used if isinstance(d, str))
        elif isinstance(argument, MaskModel):
            dimensions |= dict.fromkeys(d for d in argument.mask or () if isinstance(d, str))
        elif isinstance(argument, SizeModel):
            dimensions[argument.size] = None
        elif isinstance(argument, LayersModel) and name != names[-1]:
            found, expected = f"layers before {names[-1]!r}", "layers as the last argument"
            yield document.problem(at, found, expected, "Move it to the end; it is variadic.")
        elif isinstance(argument, NumbersModel) and argument.default not in (
            None,
            *argument.numbers,
        ):
            found, expected = described(argument.default), f"one of {argument.numbers}"
            remedy = "Add the default to numbers, so that it is tried."
            yield document.problem((*at, "default"), found, expected, remedy)
    yield from _defaults_in_order(document, (*key, "arguments"), entry.arguments)
    yield from _defaults_in_order(document, (*key, "forward"), entry.forward)
    yield from _module_problems(document, key, entry)
    yield from _what_cannot_be_drawn(document, key, entry)
    if dimensions and not entry.sizes:
        found, expected = "no sizes", f"values for the dimensions {', '.join(dimensions)}"
        yield document.problem(key, found, expected, "Add sizes, the smallest first.")
    yield from _what_lies_between(document, key, entry, dimensions)
    for number, sizes in enumerate(entry.sizes):
        at = (*key, "sizes", number)
        for name in sizes:
            if name not in dimensions:
                remedy = "Correct the name or use it in a tensor argument."
                where = "dimension names of the arguments"
                yield _unknown(document, (*at, name), name, where, dimensions, remedy)
        for name in dimensions:
            if name not in sizes:
                found, expected = f"no size for {name!r}", "one for every dimension name"
                yield document.problem(at, found, expected, f"Add {name}: 3, or another size.")
        if number == 0 and 0 in sizes.values():
            found, expected = "an empty shape", "a small shape with elements, for gradcheck"
            yield document.problem(at, found, expected, "Put another shape first.")
        yield from _too_many_elements(document, at, entry, sizes)


def _every_argument(entry: EntryPointModel) -> Iterator[tuple[str, str, Any]]:
    """Key under which it stands, name and model of each argument, in order."""
    for part in ("arguments", "parameters", "forward"):
        for name, argument in getattr(entry, part).items():
            yield part, name, argument


def _module_problems(
    document: YamlDocument, key: KeyPath, entry: EntryPointModel
) -> Iterator[Problem]:
    """What a module cannot be made of."""
    if not entry.forward:
        if entry.parameters:
            found, expected = "parameters without forward", "what an instance is called with"
            yield document.problem((*key, "parameters"), found, expected, "Add forward.")
        return
    for name in ("methods", "yields", "edges", "calls"):
        if name in entry.model_fields_set:
            found, expected = f"{name} beside forward", "one of the two"
            remedy = "A module is called, and asked for nothing else. Delete the key."
            yield document.problem((*key, name), found, expected, remedy)
    for name, argument in entry.arguments.items():
        if not isinstance(argument, NumbersModel | SizeModel | PlainModel):
            found = "a tensor, or something to call, for the constructor of a module"
            expected = "numbers, a size or a plain value"
            remedy = "Write it under parameters or forward, or leave it out."
            yield document.problem((*key, "arguments", name), found, expected, remedy)
    seen: set[str] = set()
    for part, name, _ in _every_argument(entry):
        if name in seen:
            found, expected = f"{name!r} again", "each name once in a module"
            remedy = (
                "Leave out what the constructor takes: it is asked with its default then. That an "
                "option, such as bias=False, removes a parameter cannot be stated: ask for a "
                "function of its own that makes the module without it."
            )
            yield document.problem((*key, part, name), found, expected, remedy)
        seen.add(name)
    for name, tensor in entry.parameters.items():
        if tensor.tensor is None:
            found, expected = "a parameter of any shape", "dimension names and sizes"
            remedy = "Its shape follows from what the constructor is given: name its dimensions."
            yield document.problem((*key, "parameters", name, "tensor"), found, expected, remedy)
        if tensor.frozen and tensor.differentiable and "differentiable" in tensor.model_fields_set:
            found, expected = "frozen beside differentiable: true", "one of the two"
            remedy = "No gradient is asked for what must not require grad. Delete one of them."
            yield document.problem((*key, "parameters", name, "frozen"), found, expected, remedy)


def _what_lies_between(
    document: YamlDocument, key: KeyPath, entry: EntryPointModel, names: Mapping[str, None]
) -> Iterator[Problem]:
    """Bounds that sizes and numbers cannot be drawn between."""
    at = (*key, "dimensions")
    places = [(at, entry.dimensions)]
    places += [((*key, "large", i), one) for i, one in enumerate(entry.large)]
    for place, bounds in places:
        for name in bounds:
            if name not in names:
                remedy = "Correct the name or use it in a tensor argument."
                where = "dimension names of the arguments"
                yield _unknown(document, (*place, name), name, where, names, remedy)
    if entry.large and not entry.dimensions:
        found, expected = "large sizes without dimensions", "bounds for the others beside them"
        yield document.problem((*key, "large"), found, expected, "State dimensions, too.")
    missing = [name for name in names if name not in entry.dimensions]
    if entry.dimensions and missing:
        found, expected = f"no bounds for {missing[0]!r}", "some for every dimension name, or none"
        yield document.problem(at, found, expected, f"Add {missing[0]}: [1, 40], or other bounds.")
    greatest = {name: high for name, (_, high) in entry.dimensions.items()}
    yield from _too_many_elements(document, at, entry, greatest)
    for number, large in enumerate(entry.large):
        place = (*key, "large", number)
        sizes = {**greatest, **{name: high for name, (_, high) in large.items()}}
        yield from _too_many_elements(document, place, entry, sizes)
    for part, name, numbers in _every_argument(entry):
        if isinstance(numbers, NumbersModel) and numbers.range is not None:
            kinds = {type(number) for number in (*numbers.numbers, *numbers.range)}
            if kinds not in ({int}, {float}):
                found, expected = described(numbers.range), "bounds of the same type as numbers"
                remedy = "Write 1.0 instead of 1 where numbers are fractions."
                yield document.problem((*key, part, name, "range"), found, expected, remedy)


def _too_many_elements(
    document: YamlDocument, at: KeyPath, entry: EntryPointModel, sizes: Mapping[str, int]
) -> Iterator[Problem]:
    for name, tensor in _tensors(entry).items():
        shape = [sizes.get(d, 1) if isinstance(d, str) else d for d in tensor.tensor or ()]
        if math.prod(shape) > MOST_ELEMENTS:
            found = f"{math.prod(shape)} elements in {name!r}"
            expected = f"at most {MOST_ELEMENTS} in a tensor"
            yield document.problem(at, found, expected, "Make its dimensions smaller.")


def _tensors(entry: EntryPointModel) -> dict[str, TensorModel]:
    """Those of numbers; every check needs one."""
    return {name: a for _, name, a in _every_argument(entry) if isinstance(a, TensorModel)}


def _what_cannot_be_drawn(
    document: YamlDocument, key: KeyPath, entry: EntryPointModel
) -> Iterator[Problem]:
    """Arguments that no check could be asked with."""
    at = (*key, "arguments")
    tensors = _tensors(entry)
    part_of = {name: part for part, name, _ in _every_argument(entry)}
    plain = {
        name: a for _, name, a in _every_argument(entry) if isinstance(a, PlainModel | GivenModel)
    }
    for name, method in entry.methods.items():
        inside = (*key, "methods", name, "arguments")
        yield from _values_problems(document, inside, method.arguments)
        yield from _defaults_in_order(document, inside, method.arguments)
        if method.attribute and method.arguments:
            found, expected = "arguments of an attribute", "none, as it is read and not called"
            yield document.problem(inside, found, expected, "Delete one of the two.")
    for part in ("arguments", "forward"):
        of_part = {name: a for name, a in plain.items() if part_of[name] == part}
        yield from _values_problems(document, (*key, part), of_part)
    if "calls" in entry.model_fields_set and not entry.methods:
        found, expected = "calls without methods", "the methods that are called"
        yield document.problem((*key, "calls"), found, expected, "Add methods, or delete the key.")
    if entry.yields is not None and (entry.methods or len(plain) < len(part_of)):
        found, expected = "yields", "it only at a function of plain values"
        yield document.problem((*key, "yields"), found, expected, "Delete the key.")
    yield from _written_problems(document, (*key, "edges"), entry)
    if len(plain) == len(part_of) and (plain or entry.methods) and not entry.forward:
        if entry.differentiable and "differentiable" in entry.model_fields_set:
            found, expected = "differentiable: true", "no such promise without a tensor"
            yield document.problem((*key, "differentiable"), found, expected, "Delete the key.")
        return
    if entry.methods:
        found, expected = "methods beside tensors", "a class whose constructor takes plain values"
        yield document.problem((*key, "methods"), found, expected, "Take the tensors out.")
    if not tensors:
        found = "no tensor among the arguments"
        expected = "at least one, or plain values alone: integer, real, string, list_of and so on"
        yield document.problem(at, found, expected, "Let it take a tensor or plain values alone.")
        return
    for name, value in plain.items():
        if isinstance(value, GivenModel):
            found, expected = "something to call or to read beside tensors", "values there"
            remedy = "Hand over a value, or ask for it at an entry point without tensors."
            yield document.problem((*key, part_of[name], name), found, expected, remedy)
        elif value.bad:
            found, expected = "bad values beside tensors", "none, as no check asks for a refusal"
            remedy = "Delete the key, or ask for the refusal at an entry point without tensors."
            yield document.problem((*key, part_of[name], name, "bad"), found, expected, remedy)
    if entry.differentiable and not any(t.value(n).differentiable for n, t in tensors.items()):
        found, expected = "no tensor with a gradient", "at least one, as gradients flow through it"
        remedy = "Write differentiable: false at the entry point, or let a tensor have a gradient."
        yield document.problem(at, found, expected, remedy)
    for name, tensor in tensors.items():
        if tensor.tensor is not None and 0 in tensor.tensor:
            found, expected = "a dimension of size 0", "a size of at least 1, or a name"
            remedy = "Name the dimension and give it size 0 in a later one of sizes."
            yield document.problem((*key, part_of[name], name, "tensor"), found, expected, remedy)
    first = next(iter(tensors.values()))
    flat = first.tensor == [] or (first.tensor is None and not first.min_dims)
    for name, layers in entry.arguments.items():
        if not isinstance(layers, LayersModel):
            continue
        if flat:
            found, expected = "layers after a tensor that may be 0-d", "a first tensor with a width"
            remedy = "Give the first tensor a shape such as [n, d], or min_dims: 1."
            yield document.problem((*at, name), found, expected, remedy)
        if all("dropout" in stack for stack in layers.layers):
            found, expected = "dropout in every stack", "one without, to compare values"
            yield document.problem((*at, name), found, expected, "Add a stack without dropout.")


def _written_problems(
    document: YamlDocument, at: KeyPath, entry: EntryPointModel
) -> Iterator[Problem]:
    """Sequences of calls that could not be made."""
    takes = {name: method.value(name).arguments for name, method in entry.methods.items()}
    every = [a.value(n) for n, a in entry.arguments.items()]
    constructor = tuple(a for a in every if isinstance(a, ValueArgument))
    if any(a.domain.kind is DomainKind.CLOCK for a in constructor):
        takes["advance"] = (ValueArgument("seconds", PlainDomain(DomainKind.REAL)),)
    for number, edge in enumerate(entry.edges):
        here = (*at, number)
        yield from _arity(document, here, "the constructor", constructor, edge.made_with)
        for place, (name, *given) in enumerate(edge.calls):
            call = (*here, "calls", place)
            if name in takes:
                yield from _arity(document, call, str(name), takes[name], given)
            else:
                remedy = "Correct the name, or add the method."
                yield _unknown(document, call, str(name), "methods of the class", takes, remedy)


def _arity(
    document: YamlDocument,
    at: KeyPath,
    name: str,
    parameters: Sequence[ValueArgument],
    given: Sequence[object],
) -> Iterator[Problem]:
    plain = [one for one in parameters if not one.domain.is_given and not one.keyword_only]
    least = sum(not one.has_default for one in plain)
    called = [p for p in parameters if p.domain.is_given and p.domain.kind is not DomainKind.CLOCK]
    if called:
        found, expected = f"{name}, which takes {called[0].name!r}", "plain values, or a clock"
        yield document.problem(at, found, expected, "Leave out edges: its sequences are drawn.")
    elif not least <= len(given) <= len(plain):
        found = f"{len(given)} arguments of {name}"
        expected = f"{least} to {len(plain)}" if least < len(plain) else f"{least}"
        yield document.problem(at, found, expected, "Give them by place, without clocks.")


def _values_problems(
    document: YamlDocument, at: KeyPath, values: Mapping[str, PlainModel | GivenModel]
) -> Iterator[Problem]:
    for name, argument in values.items():
        if isinstance(argument, PlainModel):
            yield from _plain_problems(document, (*at, name), argument)
        elif isinstance(argument, CallableModel):
            given = argument.callable
            if given.returns is None and not given.raises:
                found, expected = "a callable that does nothing", "returns, raises or both"
                remedy = "Add returns: {integer: [0, 9]}, or raises: [ConnectionError]."
                yield document.problem((*at, name, "callable"), found, expected, remedy)


def _plain_problems(document: YamlDocument, at: KeyPath, plain: PlainModel) -> Iterator[Problem]:
    """Edges that no argument of the kind can be, and parameters that nobody can leave out."""
    domain = plain.domain()
    if domain.pattern is not None:
        odd = [e for e in domain.edges if e is not None and not _matches(domain.pattern, e)]
        for edge in odd:
            kind = "text that matches" if domain.kind is DomainKind.STRING else "bytes that match"
            found, expected = described(edge), f"{kind} {domain.pattern!r}"
            remedy = "Correct one of the two, or move the edge to bad."
            yield document.problem((*at, "edges"), found, expected, remedy)
    for edge in domain.edges:
        for expected in misfits(domain, edge):
            remedy = "Correct it, or move it to bad if it is to be refused."
            yield document.problem((*at, "edges"), described(edge), expected, remedy)
    kinds = {part.kind for part in domain.parts}
    if domain.ordered and (len(kinds) > 1 or any(part.optional for part in domain.parts)):
        found, expected = "ordered items of several kinds", "items of one kind, none of them None"
        yield document.problem((*at, "ordered"), found, expected, "Delete the key.")
    if plain.keyword_only and not plain.has_default:
        found, expected = "keyword_only without a default", "the default that its signature has"
        yield document.problem((*at, "keyword_only"), found, expected, "Add default: …")


def _matches(pattern: str, edge: object) -> bool:
    if isinstance(edge, bytes):
        return re.fullmatch(pattern.encode(), edge) is not None
    return isinstance(edge, str) and re.fullmatch(pattern, edge, re.ASCII) is not None


def _defaults_in_order(
    document: YamlDocument, at: KeyPath, arguments: Mapping[str, Any]
) -> Iterator[Problem]:
    """Parameters without a default after one that has one, which Python does not allow."""
    before = None
    for name, argument in arguments.items():
        # Others may have a default that is never asked for.
        if not isinstance(argument, PlainModel | NumbersModel | SizeModel):
            continue
        value = argument.value(name)
        has_default = getattr(value, "has_default", False)
        if before is not None and not has_default:
            found, expected = f"no default after {before!r}, which has one", "a default"
            yield document.problem((*at, name), found, expected, "Add one or change the order.")
        if has_default and not getattr(value, "keyword_only", False):
            before = name


def _repeats(document: YamlDocument, section: str, model: type[Row]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for number, row in _rows(document, section, model):
        if row.id in first:
            found = f"the id {row.id!r} again, first on line {first[row.id]}"
            remedy = "Merge the two or rename one."
            yield document.problem((section, number, "id"), found, "each id once", remedy)
        first.setdefault(row.id, document.line((section, number)))


def _unknown(
    document: YamlDocument, key: KeyPath, name: str, where: str, valid: Iterable[str], remedy: str
) -> Problem:
    names = list(valid)
    expected = f"one of the {where}: {listed(names)}"
    return document.problem(key, described(name), expected, remedy, nearest(name, names))
