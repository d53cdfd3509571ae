"""Which kinds of check there are, and what a line of YAML makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, fields
from functools import cache
from importlib.metadata import entry_points
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from harness.checks import (
    autocast,
    compare,
    library,
    module,
    plain,
    resources,
    round_trip,
    scales,
    sequence,
    side_effects,
    stock,
    structure,
    training,
)
from harness.checks.conformance import check_plugin
from harness.checks.context import Check, InteractiveCheck
from harness.errors import ScenarioError, did_you_mean
from harness.model import CheckSpec, EntryPoint, Scenario

# Where packages add kinds.
GROUP = "harness.checks"

OWN: tuple[type[Any], ...] = (
    compare.Forward,
    compare.Vjp,
    stock.Gradcheck,
    stock.Gradgradcheck,
    stock.GradcheckMustFail,
    compare.RequiresGrad,
    compare.Dtypes,
    autocast.Autocast,
    compare.Layouts,
    compare.Shapes,
    compare.Edges,
    side_effects.NoMutation,
    side_effects.Overwritten,
    resources.Released,
    compare.InGraph,
    compare.RepeatedCalls,
    training.TrainingSteps,
    compare.DoubleBackward,
    compare.BatchedGrad,
    resources.CostGrowth,
    structure.HandWritten,
    structure.SeparateFunctions,
    module.ModuleUse,
    compare.ParameterGradients,
    resources.SavedMemory,
    compare.RngReplay,
    side_effects.LogCalls,
    library.LibraryCalled,
    compare.TrueError,
    plain.Equals,
    plain.Raises,
    plain.Pure,
    plain.Deterministic,
    sequence.Sequence,
    scales.Scales,
    round_trip.RoundTrip,
)


@cache
def kinds() -> dict[str, type[Any]]:
    """Every kind of check by name; raises ``ScenarioError`` for a broken or doubled plug-in."""
    found: dict[str, type[Any]] = {check.kind: check for check in OWN}
    return found | plugins(GROUP, "check kind", "a check", found, check_plugin)


def plugins(
    group: str,
    what: str,
    role: str,
    taken: Collection[str],
    conforms: Callable[[object, str], None],
) -> dict[str, type[Any]]:
    """What packages add under ``group``, by name; ``conforms`` raises ``TypeError``.

    Raises ``ScenarioError`` that names the distribution of one that is broken or doubled.
    """
    found: dict[str, type[Any]] = {}
    for point in entry_points(group=group):
        origin = point.dist.name if point.dist is not None else "an unknown distribution"
        about = f"{what} {point.name!r} of {origin} (entry point {point.name} = {point.value})"
        if point.name in found or point.name in taken:
            raise ScenarioError(f"{about} is already taken; rename it there")
        try:
            plugin = point.load()
        except Exception as error:
            raise ScenarioError(
                f"{about} does not load: {error}; mend or uninstall {origin}"
            ) from error
        try:
            conforms(plugin, point.name)
        except TypeError as error:
            raise ScenarioError(
                f"{about} cannot be {role}: {error}; mend or uninstall {origin}"
            ) from error
        found[point.name] = plugin
    return found


def build(spec: CheckSpec, scenario: Scenario) -> tuple[Check | InteractiveCheck, list[EntryPoint]]:
    """The check behind a line of YAML and the entry points it is asked of."""
    kind = kinds().get(spec.kind)
    if kind is None:
        raise ScenarioError(
            f"{spec.where}: check kind {spec.kind!r} is not known."
            f"{did_you_mean(spec.kind, kinds())} Known kinds: {', '.join(sorted(kinds()))}"
        )
    check = made(kind, spec.options, f"{spec.where}: check {spec.kind!r}")
    names = spec.entry_points or [entry.name for entry in scenario.entry_points]
    entries = [scenario.entry_point(name) for name in names]
    if spec.entry_points:
        for entry in entries:
            if not fits(check, entry):
                raise ScenarioError(
                    f"{spec.where}: check {spec.kind!r} cannot be asked of {entry.name!r}; "
                    "drop it from entry_points or state what the check needs there"
                )
    return check, [entry for entry in entries if fits(check, entry)]


def made(kind: type[Any], options: Mapping[str, Any], about: str) -> Any:
    """A plug-in with the options of its line; ``ScenarioError`` begins with ``about``."""
    allowed = [field.name for field in fields(kind)]
    for key in options:
        if key not in allowed:
            raise ScenarioError(
                f"{about} has no key {key!r}."
                f"{did_you_mean(key, allowed)} Its keys: {', '.join(allowed) or 'none'}"
            )
    try:
        return kind(**_typed(kind, options))
    except (TypeError, ValueError) as error:
        raise ScenarioError(f"{about}: {error}") from None


def fits(check: Check | InteractiveCheck, entry: EntryPoint) -> bool:
    """Whether a check can be asked of an entry point: of plain values, or of tensors."""
    return entry.is_plain == bool(getattr(check, "plain", False)) and check.fits(entry)


def _typed(kind: type[Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the kind's fields have them: lists as tuples, mappings as hashable ones.

    Raises ``ValueError`` for one that is missing or of another type.
    """
    for field in fields(kind):
        needed = field.default is MISSING and field.default_factory is MISSING
        if needed and field.name not in options:
            raise ValueError(f"has no key {field.name!r}, expected one; add it")
    hints = get_type_hints(kind)
    typed: dict[str, Any] = {}
    for key, value in options.items():
        try:
            # As JSON a list is a tuple, too, while nothing else is taken for what it is not.
            text = json.dumps(value, allow_nan=False)
            found = TypeAdapter(hints[key]).validate_json(text, strict=True)
        except (TypeError, ValueError):
            name = getattr(hints[key], "__name__", "")
            expected = name if isinstance(hints[key], type) else str(hints[key])
            raise ValueError(f"{key} is {value!r}, expected {expected}") from None
        typed[key] = FrozenMapping(found) if isinstance(found, dict) else found
    return typed


class FrozenMapping(dict[str, Any]):
    """A mapping that is part of a check's identity."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted((key, str(value)) for key, value in self.items())))
