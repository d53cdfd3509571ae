"""The YAML format as pydantic models; the published JSON Schemas are generated from them.

Only this package sees these classes: ``value`` turns a valid one into a value of ``model``.
What the models cannot say (names that must exist elsewhere) is checked in ``reference``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from harness import model
from harness.model import Level, Notice
from harness.read.document import YamlDocument
from harness.read.field import (
    Bounds,
    Calls,
    DottedName,
    Identifier,
    ItemCounts,
    Number,
    Numbers,
    Phrases,
    Positive,
    Range,
    Shape,
    Slug,
    Text,
    TrueOnly,
    by_key,
)
from harness.read.scenarios.detectors import DetectorKinds, detectors
from harness.read.scenarios.values import GIVEN, KEYS, GivenKinds, PlainKinds, Value, read_as

# The usual kinds of pressure. A report groups by them, so others are named in skill.yaml first.
PRESSURES = (
    "urgency",
    "money",
    "complexity_aversion",
    "overconfidence",
    "memory",
    "good_enough",
    "authority",
    "batching",
    "foreign_code",
    "folklore",
    "sunk_cost",
    "fatigue",
)

# The layers a stack may name; the sandbox builds them.
Layer = Literal[
    "linear",
    "tanh",
    "gelu",
    "layer_norm",
    "dropout",
    "dropout_off",
    "residual",
    "scale",
    "silu",
    "rise",
    "fall",
    "again",
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TensorModel(_Strict):
    """A tensor and the domain it is asked on."""

    tensor: Shape = Field(description="any, or dimension names and sizes; [] is 0-d.")
    range: Range = Field([-3, 3], description="Values are drawn between these two.")
    differentiable: bool = Field(True, description="Whether a gradient for it is asked.")
    kinks: list[Number] = Field(
        [], description="Points where anything between the one-sided derivatives is right."
    )
    edges: list[Number] = Field([], description="Further points that deserve a look.")
    min_dims: int = Field(
        0, ge=0, le=4, description="For any shape: the fewest dimensions allowed."
    )
    values: list[Number] = Field(
        [], description="The only values that elements have, instead of a range; no gradient."
    )

    def value(self, name: str) -> model.TensorArgument:
        low, high = map(float, self.range)
        if self.values:
            low, high = float(min(self.values)), float(max(self.values))
        return model.TensorArgument(
            name=name,
            shape=None if self.tensor is None else tuple(self.tensor),
            low=low,
            high=high,
            differentiable=self.differentiable and not self.values,
            kinks=tuple(map(float, self.kinks)),
            edges=tuple(map(float, self.edges)),
            min_dims=self.min_dims,
            only=tuple(map(float, self.values)),
        )


class ParameterModel(TensorModel):
    """A parameter of a module."""

    initial: Number | None = Field(
        None,
        description="What each element is when an instance is made, asked by the check module; "
        "left out, any initial values are right.",
    )
    frozen: bool = Field(
        False,
        description="Whether it must not require grad, asked by the check module; then no "
        "gradient for it is asked.",
    )

    def value(self, name: str) -> model.TensorArgument:
        found = super().value(name)
        return replace(found, differentiable=found.differentiable and not self.frozen)


class IndicesModel(_Strict):
    """A tensor of whole numbers, such as classes."""

    indices: Shape = Field(description="any, or dimension names and sizes; [] is 0-d.")
    below: Identifier | Annotated[int, Field(ge=1)] = Field(
        description="They are drawn from 0 up to this, exclusive: a dimension name or a number."
    )
    also: list[int] = Field(
        [], description="Further values, such as -100 for what is ignored; at times all have it."
    )

    def value(self, name: str) -> model.IndexArgument:
        shape = None if self.indices is None else tuple(self.indices)
        return model.IndexArgument(name, shape, self.below, tuple(self.also))


class MaskModel(_Strict):
    """A tensor of booleans; at times all of a row, or all, are false or true."""

    mask: Shape = Field(description="any, or dimension names and sizes; [] is 0-d.")

    def value(self, name: str) -> model.MaskArgument:
        return model.MaskArgument(name, None if self.mask is None else tuple(self.mask))


class NumbersModel(_Strict):
    """A Python number and the values to try."""

    numbers: Numbers = Field(description="Values to try, all int or all float.")
    default: Number | None = Field(None, description="The default the signature promises.")
    range: Range | None = Field(
        None, description="Others are drawn between these two, whole ones where numbers are."
    )

    def value(self, name: str) -> model.NumberArgument:
        bounds = None
        if self.range is not None:
            low, high = map(type(self.numbers[0]), self.range)
            bounds = (low, high)
        return model.NumberArgument(name, tuple(self.numbers), self.default, bounds)


class SizeModel(_Strict):
    """The size of a dimension, such as a number of classes."""

    size: Identifier = Field(description="Name of the dimension.")

    def value(self, name: str) -> model.SizeArgument:
        return model.SizeArgument(name, self.size)


class LogModel(_Strict):
    """A callable log(event, {"mean": float, "std": float})."""

    log: TrueOnly = Field(description="Always true; marks the argument as a log.")

    def value(self, name: str) -> model.LogArgument:
        return model.LogArgument(name)


class LayersModel(_Strict):
    """A variadic parameter that takes callables tensor -> tensor."""

    layers: list[Annotated[list[Layer], Field(min_length=1)]] = Field(
        min_length=1, description="Stacks to try, each a list of layer names in order."
    )

    def value(self, name: str) -> model.LayersArgument:
        return model.LayersArgument(name, tuple(map(tuple, self.layers)))


# How a tensor, or a number beside it, is written.
_CALLED = ("tensor", "indices", "mask", "numbers", "size")
CalledKinds = (
    Annotated[TensorModel, Tag("<tensor>")]
    | Annotated[IndicesModel, Tag("<indices>")]
    | Annotated[MaskModel, Tag("<mask>")]
    | Annotated[NumbersModel, Tag("<numbers>")]
    | Annotated[SizeModel, Tag("<size>")]
)
Argument = Annotated[
    CalledKinds
    | Annotated[LogModel, Tag("<log>")]
    | Annotated[LayersModel, Tag("<layers>")]
    | PlainKinds
    | GivenKinds,
    by_key(*_CALLED, "log", "layers", *GIVEN, *KEYS),
]
ForwardArgument = Annotated[CalledKinds | PlainKinds, by_key(*_CALLED, *KEYS)]


class MethodModel(_Strict):
    """A method of a class, or an attribute of its instances."""

    arguments: dict[Identifier, Value] = Field(
        {}, description="Parameters by name, in the order of the signature, without self."
    )
    attribute: bool = Field(False, description="Whether it is read and not called.")

    def value(self, name: str) -> model.Member:
        arguments = tuple(argument.value(key) for key, argument in self.arguments.items())
        return model.Member(name, arguments, self.attribute)


class YieldsModel(_Strict):
    """How the items of a generator are looked at."""

    items: ItemCounts = Field(
        [0, 12], description="Least and greatest number of items that are taken."
    )
    lazy: bool = Field(
        True,
        description="Whether each item must come before more is read than it needs; with false a "
        "list is right, too.",
    )
    ahead: Annotated[int, Field(ge=0, le=100)] = Field(
        1, description="How many items may be read beyond what the oracle reads."
    )

    def value(self) -> model.Yields:
        least, most = self.items
        return model.Yields(least, most, self.lazy, self.ahead)


class WrittenSequenceModel(_Strict):
    """Calls of one instance that are always asked."""

    made_with: list[Any] = Field(
        [], description="What the constructor is given, by place; clocks are left out."
    )
    calls: list[Annotated[list[Any], Field(min_length=1)]] = Field(
        min_length=1,
        description="Each a method and what it is given, by place; [advance, 1.5] moves the clock.",
    )

    def value(
        self, arguments: tuple[model.Argument, ...], methods: Iterable[model.Member]
    ) -> model.WrittenSequence:
        takes = {method.name: method.arguments for method in methods}
        calls = [
            (name, _by_place(takes[name], given) if name in takes else {"seconds": float(*given)})
            for name, *given in self.calls
        ]
        return model.WrittenSequence(_by_place(arguments, self.made_with), tuple(calls))


def _by_place(parameters: Iterable[model.Argument], given: Iterable[Any]) -> dict[str, Any]:
    """Plain values by the names of the parameters that take them."""
    plain = [p for p in parameters if isinstance(p, model.ValueArgument) and not p.domain.is_given]
    pairs = zip(plain, given, strict=False)
    return {one.name: read_as(one.domain, value) for one, value in pairs}


class EntryPointModel(_Strict):
    """A function, with ``methods`` a class, or with ``forward`` an nn.Module, to be defined."""

    differentiable: bool = Field(True, description="Whether gradients flow through it.")
    arguments: dict[Identifier, Argument] = Field(
        {},
        description="Parameters by name, in the order of the signature; of a class those of its "
        "constructor.",
    )
    parameters: dict[DottedName, ParameterModel] = Field(
        {},
        description="Of a module: its parameters by name, dotted for those of modules inside; the "
        "values that are put into them.",
    )
    forward: dict[Identifier, ForwardArgument] = Field(
        {},
        description="Of a module: what an instance is called with, in order; arguments are those "
        "of its constructor.",
    )
    methods: dict[Identifier, MethodModel] = Field(
        {},
        description="Of a class: what its instances are asked, by name; operators by their "
        "methods, such as __len__ and __contains__.",
    )
    yields: YieldsModel | None = Field(
        None, description="Of a generator function: how its items are looked at; {} as usual."
    )
    calls: Calls = Field(
        [1, 30], description="Of a class: least and greatest number of calls in one sequence."
    )
    edges: list[WrittenSequenceModel] = Field(
        [], description="Of a class: sequences that are always asked."
    )
    sizes: list[dict[Identifier, Annotated[int, Field(ge=0)]]] = Field(
        [], description="Values for the dimension names; the first is small, for gradcheck."
    )
    dimensions: dict[Identifier, Bounds] = Field(
        {}, description="Least and greatest size per dimension name; others are drawn between."
    )
    large: list[dict[Identifier, Bounds]] = Field(
        [],
        description="Bounds in place of those in dimensions, for some names at a time: with each "
        "a size is drawn in which these are large and the others are not.",
    )

    def value(self, name: str) -> model.EntryPoint:
        every = (*self.arguments.items(), *self.parameters.items(), *self.forward.items())
        arguments = tuple(argument.value(key) for key, argument in every)
        bounds, *large = (
            {name: (low, high) for name, (low, high) in one.items()}
            for one in (self.dimensions, *self.large)
        )
        entry = model.EntryPoint(name, arguments, tuple(self.sizes), self.differentiable, bounds)
        entry = replace(entry, large=tuple(large))
        if self.forward:
            own = self.parameters.items()
            form = model.ModuleForm(
                constructor=tuple(self.arguments),
                parameters=tuple(self.parameters),
                initial={key: float(one.initial) for key, one in own if one.initial is not None},
                frozen=tuple(key for key, one in own if one.frozen),
            )
            entry = replace(entry, module=form)
        if self.yields is not None:
            entry = replace(entry, yields=self.yields.value())
        if self.methods:
            methods = tuple(method.value(key) for key, method in self.methods.items())
            edges = tuple(edge.value(arguments, methods) for edge in self.edges)
            entry = replace(entry, usage=model.Usage(methods, self.calls[0], self.calls[1], edges))
        return replace(entry, differentiable=False) if entry.is_plain else entry


class CheckModel(BaseModel):
    """A check; keys beside these two are the options of its kind."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    kind: Identifier = Field(description="Kind of check, e.g. vjp.")
    entry_points: Annotated[
        list[Identifier],
        Field(description="Entry points it applies to; left out, every one that the kind fits."),
    ] = []

    def value(self, required: bool, where: str) -> model.CheckSpec:
        options = dict(self.model_extra or {})
        return model.CheckSpec(self.kind, required, tuple(self.entry_points), options, where)


# A kind without options is written as a bare word.
Check = Annotated[
    Annotated[Identifier, Tag("<kind>")] | Annotated[CheckModel, Tag("<check>")],
    Discriminator(lambda value: "<kind>" if isinstance(value, str) else "<check>"),
]


class ActModel(_Strict):
    """What a submission must not have done, or must have done, lest an excuse be upheld."""

    check: Annotated[
        list[Identifier], Field(description="Kinds of checks of which one fails.")
    ] = []
    verified: Annotated[
        Annotated[Level, Field(strict=False)] | None,
        Field(description="Level of verification that is not reached."),
    ] = None
    flag: Annotated[list[Slug], Field(description="Red flags of which one is raised.")] = []

    def rules(self) -> Iterator[model.Rule]:
        yield from (model.Rule("check", kind) for kind in self.check)
        if self.verified is not None:
            yield model.Rule("verified", self.verified.value)
        yield from (model.Rule("flag", flag) for flag in self.flag)


class TrapModel(_Strict):
    """An excuse this request tempts into; extends the skill's row of the same id."""

    id: Slug = Field(description="Id of a row in the skill's rationalizations.")
    phrasings: Phrases = Field([], description="Wordings that make the excuse here.")
    answers: Phrases = Field([], description="Wordings that answer it here.")
    counter: Text | None = Field(None, description="Replaces the counter of the skill's row.")
    upheld_by: ActModel | None = Field(
        None,
        description="The act that bears the excuse out, any of it. Without: the code is wrong, "
        "or not verified as far as the scenario asks.",
    )

    def value(self, row: model.Trap) -> model.Trap:
        """The skill's row with what the scenario adds to it."""
        return replace(
            row,
            counter=self.counter or row.counter,
            phrasings=(*row.phrasings, *self.phrasings),
            answers=(*row.answers, *self.answers),
            upheld_by=tuple(self.upheld_by.rules()) if self.upheld_by else (),
        )


class EvidenceModel(_Strict):
    """Evidence that a rule can look at."""

    check: Annotated[
        list[Identifier], Field(description="Kinds of the scenario's checks that pass.")
    ] = []
    trap: Annotated[list[Slug], Field(description="Excuses that are answered, not made.")] = []
    verified: Annotated[
        Annotated[Level, Field(strict=False)] | None,
        Field(description="Level of verification that is reached."),
    ] = None
    order: Annotated[
        Literal["one_by_one"] | None,
        Field(
            description="Each Function is verified before the next is written, where the order "
            "is visible."
        ),
    ] = None

    def rules(self) -> Iterator[model.Rule]:
        yield from (model.Rule("check", kind) for kind in self.check)
        yield from (model.Rule("trap", trap) for trap in self.trap)
        if self.verified is not None:
            yield model.Rule("verified", self.verified.value)
        if self.order is not None:
            yield model.Rule("order", self.order)


class CounterEvidenceModel(EvidenceModel):
    """Evidence whose opposite refutes."""

    flag: Annotated[list[Slug], Field(description="Red flags that are not raised.")] = []

    def rules(self) -> Iterator[model.Rule]:
        yield from super().rules()
        yield from (model.Rule("flag", flag) for flag in self.flag)


class BehaviourModel(_Strict):
    """A line that evidence can decide, wholly or in part, or that words cannot show."""

    shows: Text = Field(description="What a good reply shows; a line of the rubric.")
    decided_by: Annotated[
        EvidenceModel, Field(description="Shows it where all of it is seen, else refutes it.")
    ] = EvidenceModel()
    shown_by: Annotated[
        EvidenceModel, Field(description="Shows it where all of it is seen, and else says nothing.")
    ] = EvidenceModel()
    refuted_by: Annotated[
        CounterEvidenceModel,
        Field(description="Refutes it where any of it fails, and never shows it."),
    ] = CounterEvidenceModel()

    by_words: Annotated[
        bool,
        Field(description="Whether words can show it, so that a reader decides the rest."),
    ] = True

    def rules(self) -> model.Rules:
        both = tuple(self.decided_by.rules())
        shown, refuted = (*both, *self.shown_by.rules()), (*both, *self.refuted_by.rules())
        return model.Rules(shown, refuted, self.by_words)


# A line that a reader alone decides is written as bare text.
Behaviour = Annotated[
    Annotated[Text, Tag("<line>")] | Annotated[BehaviourModel, Tag("<behaviour>")],
    Discriminator(lambda value: "<line>" if isinstance(value, str) else "<behaviour>"),
]


class RequestsModel(_Strict):
    """The same task twice, and what is said when the answer is there."""

    neutral: Text = Field(description="Without pressure.")
    pressured: Text | None = Field(
        None, description="Under pressure; left out, the request is only ever put calmly."
    )
    follow_ups: list[Text] = Field(
        [], description="Messages that push back after the answer to the pressured request."
    )


class VerificationModel(_Strict):
    """How a submission should have checked itself."""

    level: Annotated[Level, Field(strict=False)] = Field(description="Lowest level that holds.")
    gradcheck_fails_by_design: bool = Field(
        False, description="Whether a right backward is not the derivative of the forward."
    )


class VerifiedByModel(_Strict):
    """What makes a submission's own tests a verification."""

    notices: Annotated[
        list[Annotated[Notice, Field(strict=False)]],
        Field(
            min_length=1,
            description="What the tests must notice when it is spoiled: gradient and second_order "
            "per Function, value per entry point, source (at least 70 % of the changes of its code "
            "that the checks can tell) per entry point with plain values. Left out: value and "
            "source where all values are plain, else gradient where a Function is asked for, "
            "else value.",
        ),
    ] = []


class LimitsModel(_Strict):
    """What one candidate process may use."""

    wall_s: Annotated[Positive, Field(description="Wall-clock seconds for one submission.")] = 20.0
    cpu_s: Annotated[Positive, Field(description="CPU seconds.")] = 10.0
    memory_mib: Annotated[
        int,
        Field(ge=64, le=1 << 20, description="Memory beyond a fresh candidate, in units of 2**20."),
    ] = 2048


class ScenarioModel(_Strict):
    """One scenario: a request under pressure and what a right answer to it must show."""

    model_config = ConfigDict(
        title="harness scenario",
        json_schema_extra={
            "dependentRequired": {"entry_points": ["checks"], "checks": ["entry_points"]}
        },
    )

    id: Slug = Field(description="Equal to the file's name without .yaml.")
    title: Text = Field(description="Human title.")
    phase: Literal["red", "pressure"] = Field(description="red is basic, pressure is harder.")
    pressures: list[Identifier] = Field(
        [],
        min_length=1,
        description=f"Pressures that are applied: {', '.join(PRESSURES)}, or others of skill.yaml; "
        "left out where nothing is pressured.",
    )
    asks_for_function: bool = Field(description="Whether the request asks for a Function.")
    requests: Annotated[
        RequestsModel, Field(description="The task in words, without pressure and with it.")
    ]
    traps: list[TrapModel] = Field(description="Excuses it tempts into.")
    expected_behaviour: list[Behaviour] = Field(
        min_length=1, description="What a good reply shows beside right code."
    )
    verification: Annotated[
        VerificationModel, Field(description="How a submission should have checked itself.")
    ]
    verified_by: Annotated[
        VerifiedByModel, Field(description="What makes its own tests a verification.")
    ] = VerifiedByModel()
    provided: list[Identifier] = Field([], description="Modules in provided/ it may import.")
    limits: Annotated[LimitsModel, Field(description="What the process of an answer may use.")] = (
        LimitsModel()
    )
    entry_points: dict[Identifier, EntryPointModel] = Field(
        {},
        min_length=1,
        description="Functions it asks for; without them and checks, words alone are judged.",
    )
    checks: list[Check] = Field([], min_length=1, description="A failure fails the submission.")
    advisory: list[Check] = Field([], description="A failure is reported, and no more.")

    def _notices(self) -> Iterable[Notice]:
        if self.verified_by.notices:
            return self.verified_by.notices
        if all(entry.value(name).is_plain for name, entry in self.entry_points.items()):
            return (Notice.VALUE, Notice.SOURCE)
        return (Notice.GRADIENT,) if self.asks_for_function else (Notice.VALUE,)

    def value(
        self,
        document: YamlDocument,
        rows: Mapping[str, model.Trap],
        flags: Iterable[model.RedFlag],
        fingerprint: str,
    ) -> model.Scenario:
        """The scenario of a document whose references have been checked."""
        behaviour = [
            BehaviourModel(shows=line) if isinstance(line, str) else line
            for line in self.expected_behaviour
        ]
        limits = self.limits
        return model.Scenario(
            id=self.id,
            title=self.title,
            skill=document.path.parent.resolve().name,
            phase=self.phase,
            pressures=tuple(self.pressures),
            neutral=self.requests.neutral,
            pressured=self.requests.pressured or self.requests.neutral,
            follow_ups=tuple(self.requests.follow_ups),
            traps=tuple(trap.value(rows[trap.id]) for trap in self.traps),
            expected_behaviour=tuple(line.shows for line in behaviour),
            entry_points=tuple(entry.value(name) for name, entry in self.entry_points.items()),
            checks=(
                *_checks(document, "checks", self.checks),
                *_checks(document, "advisory", self.advisory),
            ),
            verification=self.verification.level,
            gradcheck_fails_by_design=self.verification.gradcheck_fails_by_design,
            notices=tuple(dict.fromkeys(self._notices())),
            asks_for_function=self.asks_for_function,
            provided=tuple(self.provided),
            limits=model.Limits(limits.wall_s, limits.cpu_s, limits.memory_mib << 20),
            path=document.path,
            fingerprint=fingerprint,
            rules=tuple(line.rules() for line in behaviour),
            flags={flag.id: flag.seen_by for flag in flags},
        )


def _checks(
    document: YamlDocument, section: str, checks: Iterable[str | CheckModel]
) -> Iterator[model.CheckSpec]:
    for number, check in enumerate(checks):
        named = CheckModel(kind=check) if isinstance(check, str) else check
        where = f"{document.path}:{document.line((section, number))}"
        yield named.value(section == "checks", where)


class RationalizationModel(_Strict):
    """A row of the table of excuses."""

    id: Slug = Field(description="Name used in scenarios, results and reports.")
    excuse: Text = Field(description="The excuse in one sentence, as an agent makes it.")
    truth: Text = Field(description="What is really so.")
    counter: Text = Field(description="What a good reply does or says instead.")
    phrasings: Phrases = Field([], description="Wordings that make the excuse.")
    answers: Phrases = Field([], description="Wordings that answer it.")

    def value(self) -> model.Trap:
        return model.Trap(**dict(self))


class RedFlagModel(_Strict):
    """A sign that an answer should not be trusted yet; numbered by its place in the list."""

    id: Slug = Field(description="Its name; one that is built in has a detector already.")
    title: Text = Field(description="The sign in one line.")
    why: Text = Field(description="Why it matters.")
    remedy: Text = Field(description="What to do about it.")
    seen_by: list[DetectorKinds] = Field([], description="What it is seen by, any of these.")


class ShipModel(_Strict):
    """When the skill is good enough to ship; changed rules are named in the report."""

    least_lift: float = Field(
        model.ShipRules.least_lift,
        ge=0,
        lt=1,
        description="The whole interval of the lift in held under pressure must lie above this.",
    )
    right_margin: float = Field(
        model.ShipRules.right_margin,
        gt=0,
        lt=1,
        description="Of the share right on calm requests, the whole interval of the change must "
        "lie above minus this.",
    )
    least_scenarios: int = Field(
        model.ShipRules.least_scenarios,
        ge=2,
        description="Scenarios that both arms must have answered.",
    )


class SkillModel(_Strict):
    """A skill: the guide under test, its table of excuses and its red flags."""

    model_config = ConfigDict(title="harness skill")

    name: Text = Field(description="Human name; the id is the folder's name.")
    summary: Text = Field(description="What the guide teaches, in one paragraph.")
    rationalizations: list[RationalizationModel] = Field([], description="Its table of excuses.")
    red_flags: list[RedFlagModel] = Field([], description="In order; the first is number 1.")
    pressures: list[Identifier] = Field(
        [], description="Kinds of pressure that its scenarios apply beside the usual ones."
    )
    guide: Text | None = Field(
        None,
        description="Folder of the guide's SKILL.md, from the folder of this file.",
    )
    ship: ShipModel | None = Field(None, description="When the skill is good enough to ship.")

    def value(self, document: YamlDocument) -> model.Skill:
        """The skill that ``document`` describes; its id is the name of its folder."""
        folder = document.path.parent
        return model.Skill(
            id=folder.resolve().name,
            name=self.name,
            summary=self.summary,
            rationalizations=tuple(row.value() for row in self.rationalizations),
            red_flags=tuple(
                model.RedFlag(
                    flag.id,
                    place + 1,
                    flag.title,
                    flag.why,
                    flag.remedy,
                    detectors(document, ("red_flags", place, "seen_by"), flag.seen_by),
                )
                for place, flag in enumerate(self.red_flags)
            ),
            path=folder,
            guide=None if self.guide is None else folder / self.guide,
            ship=model.ShipRules(**dict(self.ship or {})),
        )


# Published file name to model.
PUBLISHED: dict[str, type[BaseModel]] = {
    "scenario.schema.json": ScenarioModel,
    "skill.schema.json": SkillModel,
}


def json_schema(format: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a file format (draft 2020-12)."""
    schema = format.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
