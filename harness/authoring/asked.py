"""What a scenario asks of an answer, in sentences."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any, Final

from harness.authoring.kinds import told_kinds
from harness.model import (
    Argument,
    DomainKind,
    EntryPoint,
    IndexArgument,
    LayersArgument,
    Level,
    LogArgument,
    MaskArgument,
    Notice,
    NumberArgument,
    PlainDomain,
    Rule,
    Rules,
    Scenario,
    SizeArgument,
    TensorArgument,
    ValueArgument,
)
from harness.summary.numbers import counted

_LEVELS: Final = {
    Level.NONE: "Nothing is asked of how it was verified.",
    Level.CLAIMED: "It must say that it was verified.",
    Level.SHIPPED: "Tests that would notice a fault must come with it.",
    Level.RAN: "Tests that notice a fault must have run and passed.",
    Level.RAN_EACH: "Each Function must have been verified by itself, before the next was written.",
}
_NOTICES: Final = {
    Notice.GRADIENT: "a gradient, for each Function",
    Notice.VALUE: "the result, for each entry point",
    Notice.SECOND_ORDER: "the derivative of gradients, for each Function",
    Notice.SOURCE: "its own source, changed in one place at a time",
}
# Values of a list that are shown.
_MOST: Final = 8


def signature(entry: EntryPoint) -> str:
    """The call that answers are imported for: ``f(x, scale=2.0)``, ``Norm(n)(x)`` of a module."""
    if entry.module is None:
        return f"{entry.name}({_listed_parameters(entry.arguments)})"
    made, called = (
        _listed_parameters([a for a in entry.arguments if entry.part(a.name) == part])
        for part in ("constructor", "call")
    )
    return f"{entry.name}({made})({called})"


def _listed_parameters(arguments: Sequence[Argument]) -> str:
    parts: list[str] = []
    for argument in arguments:
        name = f"*{argument.name}" if isinstance(argument, LayersArgument) else argument.name
        if isinstance(argument, NumberArgument | ValueArgument) and argument.has_default:
            name += f"={argument.default!r}"
        if getattr(argument, "keyword_only", False) and "*" not in parts:
            parts.append("*")
        parts.append(name)
    return ", ".join(parts)


def told_argument(argument: Argument) -> str:
    """What may come as an argument."""
    match argument:
        case TensorArgument():
            values = (
                f"values of {_listed(argument.only)}"
                if argument.only
                else f"values from {argument.low:g} to {argument.high:g}"
            )
            parts = [f"a float tensor {_shape(argument.shape)}, {values}"]
            if argument.edges:
                parts.append(f"also at {_listed(argument.edges)}")
            if argument.kinks:
                parts.append(f"its slope jumps at {_listed(argument.kinks)}")
            if argument.differentiable:
                parts.append("it may require grad")
            return "; ".join(parts)
        case IndexArgument():
            also = f", also {_listed(argument.also)}" if argument.also else ""
            return (
                f"a tensor {_shape(argument.shape)} of whole numbers below {argument.below}{also}"
            )
        case MaskArgument():
            return f"a tensor {_shape(argument.shape)} of booleans"
        case NumberArgument():
            between = (
                argument.bounds and f", or between {argument.bounds[0]} and {argument.bounds[1]}"
            )
            return f"one of {_listed(argument.values)}{between or ''}"
        case SizeArgument():
            return f"the size of the dimension {argument.dimension}"
        case LogArgument():
            return 'a callable log(event, {"mean": float, "std": float})'
        case LayersArgument():
            stacks = " | ".join(", ".join(stack) for stack in argument.stacks)
            return f"callables tensor -> tensor: {stacks}"
        case ValueArgument():
            domain = argument.domain
            parts = [told_domain(domain)]
            if domain.edges:
                parts.append(f"always asked: {_listed(domain.edges)}")
            if domain.bad:
                parts.append(f"to be refused: {_listed(domain.bad)}")
            return "; ".join(parts)
        case _:  # what it is stands in its own words
            return inspect.cleandoc(type(argument).__doc__ or "").partition("\n")[0].rstrip(".")


def told_arguments(entry: EntryPoint) -> Iterator[tuple[str, str]]:
    """Each argument with what may come, and where a module takes it."""
    where = {
        "constructor": "of its constructor: ",
        "parameter": "a parameter of the module: ",
        "call": "of a call: ",
    }
    for argument in entry.arguments:
        part = where[entry.part(argument.name)] if entry.module is not None else ""
        yield argument.name, f"{part}{told_argument(argument)}"


def told_domain(domain: PlainDomain) -> str:
    """Which plain values may come."""
    parts = [told_domain(part) for part in domain.parts]
    size = f"{domain.low:g} to {domain.high:g}"
    words: dict[DomainKind, Any] = {
        DomainKind.NONE: "None",
        DomainKind.BOOLEAN: "True or False",
        DomainKind.INTEGER: f"an integer from {domain.low} to {domain.high}",
        DomainKind.REAL: f"a float from {domain.low:g} to {domain.high:g}",
        DomainKind.CHOICE: f"one of {_listed(domain.values)}",
        DomainKind.STRING: f"a string that matches {domain.pattern!r}"
        if domain.pattern is not None
        else f"a string of {size} characters",
        DomainKind.BYTES: f"bytes that match {domain.pattern!r}"
        if domain.pattern is not None
        else f"{size} bytes" + f" of {domain.alphabet.encode('latin-1')!r}" * bool(domain.alphabet),
        DomainKind.LIST: f"a list of {size} items, each {'; '.join(parts)}",
        DomainKind.TUPLE: f"a tuple of {', '.join(parts) or 'nothing'}",
        DomainKind.DICT: f"a dict of {' to '.join(parts)}",
        DomainKind.CALLABLE: _callable(domain, parts),
        DomainKind.CLOCK: "a function without arguments that gives the time in seconds",
        DomainKind.SLEEP: "a function that takes seconds and moves the clock on",
        DomainKind.ITERATOR: f"an endless iterator over {'; '.join(parts)}"
        if domain.endless
        else f"an iterator over {size} items, each {'; '.join(parts)}",
    }
    told = str(words.get(domain.kind, domain.kind.value))
    return f"{told}, or None" if domain.optional else told


def told_methods(entry: EntryPoint) -> Iterator[tuple[str, str]]:
    """What instances of a class are asked: each method with what may come as its arguments."""
    for method in entry.usage.methods if entry.usage is not None else ():
        names = ", ".join(argument.name for argument in method.arguments)
        told = "; ".join(f"{a.name}: {told_argument(a)}" for a in method.arguments)
        name = method.name if method.is_attribute else f"{method.name}({names})"
        yield name, told or ("read" if method.is_attribute else "called without arguments")


def _callable(domain: PlainDomain, returned: Sequence[str]) -> str:
    does = [f"returns {one}" for one in returned]
    does += [f"raises {', '.join(dict.fromkeys(domain.raises))}"] if domain.raises else []
    same = ", the same for the same arguments" if domain.by_argument else ""
    counted = "; how it is called is part of the answer" if domain.counted else ""
    return f"a function that {' or '.join(does)}{same}{counted}"


def told_checks(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Each check, as it is written, with what it asks."""
    asks = {told.kind: told.asks for told in told_kinds()}
    for spec in scenario.checks:
        options = ", ".join(f"{key}: {value}" for key, value in spec.options.items())
        of = f" of {', '.join(spec.entry_points)}" if spec.entry_points else ""
        name = f"{spec.kind}{f' ({options})' if options else ''}{of}"
        yield (
            name if spec.required else f"{name}, advisory",
            asks.get(spec.kind, "There is no such kind."),
        )


def told_verification(scenario: Scenario) -> str:
    """How far it must have gone to check itself, and what its tests must notice."""
    told = _LEVELS[scenario.verification]
    if scenario.verification is Level.RAN_EACH and not scenario.asks_for_function:
        told = "Each function must have been verified by itself, before the next was written."
    if scenario.verification.reaches(Level.SHIPPED):
        noticed = "; ".join(_told_notice(notice, scenario) for notice in scenario.notices)
        told += f" To count, they must notice when this is spoiled: {noticed}."
    if scenario.gradcheck_fails_by_design:
        told += " gradcheck fails on a right answer by design."
    return told


def _told_notice(notice: Notice, scenario: Scenario) -> str:
    of_functions = notice in (Notice.GRADIENT, Notice.SECOND_ORDER)
    own = " that an answer has" if of_functions and not scenario.asks_for_function else ""
    return f"{_NOTICES[notice]}{own}"


def told_rules(rules: Rules) -> str:
    """What decides a line of expected behaviour."""
    if rules.undecidable:
        return "nothing decides it"
    both = [rule for rule in rules.shown_by if rule in rules.refuted_by]
    parts = [
        (name, some)
        for name, some in (
            ("decided by", both),
            ("shown by", [rule for rule in rules.shown_by if rule not in both]),
            ("refuted by", [rule for rule in rules.refuted_by if rule not in both]),
        )
        if some
    ]
    told = [f"{name} {', '.join(map(_rule, some))}" for name, some in parts]
    return "; ".join([*told, *(["else by a reader"] if rules.asks_reader and told else [])]) or (
        "decided by a reader"
    )


def told_limits(scenario: Scenario) -> str:
    limits = scenario.limits
    provided = (
        f" It may import {', '.join(scenario.provided)}, which the request provides."
        if scenario.provided
        else ""
    )
    return (
        f"One answer may take {limits.wall_s:g} s, {limits.cpu_s:g} s of CPU time and "
        f"{limits.memory_bytes >> 20} MiB.{provided}"
    )


def told_traps(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Each excuse with what is so, and how many wordings of it are known."""
    for trap in scenario.traps:
        said = counted(len(trap.phrasings), "wording"), counted(len(trap.answers), "answer")
        upheld = (
            f" Borne out by: {', '.join(map(_rule, trap.upheld_by))}." if trap.upheld_by else ""
        )
        yield trap.id, f"“{trap.excuse}” Really: {trap.truth} ({', '.join(said)}.){upheld}"


def _rule(rule: Rule) -> str:
    return {
        "check": f"the check {rule.name}",
        "trap": f"the excuse {rule.name} answered",
        "verified": f"verification: {rule.name}",
        "flag": f"the red flag {rule.name}",
        "order": f"the order {rule.name}",
    }[rule.kind]


def _shape(shape: Sequence[str | int] | None) -> str:
    if shape is None:
        return "of any shape"
    return f"[{', '.join(map(str, shape))}]" if shape else "without dimensions"


def _listed(values: Sequence[object]) -> str:
    shown = [f"{one:g}" if isinstance(one, float) else repr(one) for one in values[:_MOST]]
    return ", ".join([*shown, *(["…"] if len(values) > _MOST else [])])
