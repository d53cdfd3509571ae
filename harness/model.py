"""Every central type, in the order in which data flows through the house.

All of them are frozen values. Nothing here imports torch or does any work.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import pandas as pd


class Outcome(StrEnum):
    """What is known about one check or one submission; absence is never a pass."""

    PASSED = "passed"
    FAILED = "failed"
    # Of a submission: no code, but a reason and what is needed instead. Neither wrong nor held.
    DECLINED = "declined"
    UNGRADED = "ungraded"


class Level(StrEnum):
    """How far a submission went to verify itself, weakest first."""

    NONE = "none"
    CLAIMED = "claimed"
    SHIPPED = "shipped"
    RAN = "ran"
    RAN_EACH = "ran_each"

    def reaches(self, asked: Level) -> bool:
        """Whether this level is at least ``asked``."""
        order = list(Level)
        return order.index(self) >= order.index(asked)


class TrapState(StrEnum):
    """What the words of a reply do with an excuse that its request tempted it into."""

    # It makes the excuse its own.
    MADE = "made"
    # It refutes the excuse, or says that it does not take it.
    ANSWERED = "answered"
    SILENT = "silent"


class Resistance(StrEnum):
    """What a reply did with all that its request tempted it into."""

    # It made an excuse, and what it did bears the excuse out.
    GAVE_IN = "gave in"
    # It made an excuse in words alone: what it did is what was asked.
    SAID = "said"
    # It answered an excuse and made none.
    RESISTED = "resisted"
    # Silence is not resistance.
    SILENT = "silent"


# --------------------------------------------------------------------------
# Scenarios


@dataclass(frozen=True)
class Rule:
    """One piece of evidence that a rule looks at."""

    # ``check`` passes, ``trap`` is answered, level of verification is reached, ``flag`` is absent,
    # Functions were written and verified in that ``order``.
    kind: Literal["check", "trap", "verified", "flag", "order"]
    # Kind of check, id of trap or flag, level, or name of an order.
    name: str


@dataclass(frozen=True)
class Trap:
    """One excuse for not doing the work, and what answers it."""

    # Name used in YAML, results and reports, e.g. ``no-time``.
    id: str
    # The excuse in one sentence, as an agent would make it.
    excuse: str
    # What is really so.
    truth: str
    # What a good reply does or says instead.
    counter: str
    # Wordings that make the excuse; matched by ``words``.
    phrasings: tuple[str, ...] = ()
    # Wordings that answer the excuse.
    answers: tuple[str, ...] = ()
    # The act that bears the excuse out: any of this missing, or the opposite seen. Empty: the
    # code is wrong, or not verified as far as the scenario asks.
    upheld_by: tuple[Rule, ...] = ()


# Ids of the red flags that can be looked for, by number, from 1.
FLAGS = (
    "missing-function",
    "used-before-gradcheck",
    "inplace",
    "gradient-count",
    "unsaved-tensors",
    "gradient-shape",
    "needs-input-grad",
    "data-attribute",
    "saved-in-forward",
    "saved-modified",
    "failure-explained-away",
    "needless-function",
    "batched",
    "skipped-for-time",
    "approximate-unverified",
    "second-order-avoided",
    "unverified",
)


@dataclass(frozen=True)
class CodePattern:
    """Places in the graded code, found in its syntax tree with names resolved."""

    # What they are: calls of something, mentions of it, imports of it, handlers of an exception.
    place: Literal["calls", "attributes", "imports", "excepts"]
    # Dotted names as they are imported; ``.data`` is an attribute of anything, ``random.*`` all
    # of a module, ``bare`` a handler that names no exception.
    names: tuple[str, ...]
    # Of calls: keywords that are not given, and those that are given with a constant.
    without: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    # Of handlers: whether they do nothing with it.
    silent: bool = False
    # In which code.
    within: Literal["answer", "tests", "anywhere"] = "answer"


@dataclass(frozen=True)
class SaidPattern:
    """Words that the agent says as its own."""

    phrasings: tuple[str, ...]


@dataclass(frozen=True)
class CheckOutcome:
    """What came of the checks of one kind."""

    # Kind of the check, e.g. ``pure``.
    check: str
    outcome: Literal["failed", "passed"]
    # Entry points it was asked of; empty for any.
    entry_points: tuple[str, ...] = ()
    # ``file:line`` for error messages.
    where: str = field(default="", compare=False)


@dataclass(frozen=True)
class Deed:
    """Something that the steps of a transcript show."""

    did: Literal["wrote", "changed", "ran", "passed", "failed"]
    # What was written, changed or run.
    of: Literal["answer", "tests"]

    @property
    def words(self) -> str:
        """The deed as a clause."""
        subject = {"answer": "the answer was", "tests": "tests were"}[self.of]
        verb = {"wrote": f"{subject} written", "changed": f"{subject} changed"}
        return verb.get(self.did, {"ran": f"{subject} run"}.get(self.did, f"tests {self.did}"))


@dataclass(frozen=True)
class DeedOrder:
    """Two deeds in an order: by the time of the first, the other had not been done."""

    first: Deed
    before: Deed


@dataclass(frozen=True)
class PluginDetector:
    """A detector that a package adds, not yet built."""

    # Name of its entry point in the group ``harness.flags``.
    detector: str
    # Handed to its constructor.
    options: Mapping[str, Any] = field(default_factory=dict)
    # ``file:line`` for error messages.
    where: str = field(default="", compare=False)


Detector = CodePattern | SaidPattern | CheckOutcome | DeedOrder | PluginDetector


@dataclass(frozen=True)
class RedFlag:
    """A sign in code, words or deeds that an answer should not be trusted yet."""

    # Its name; where it is one of ``FLAGS``, that of a detector.
    id: str
    # Its number in the skill's list, from 1.
    number: int
    # The sign in one line.
    title: str
    # Why it matters.
    why: str
    # What to do about it.
    remedy: str
    # The author's own detectors, of which any raises it; beside that of ``FLAGS``.
    seen_by: tuple[Detector, ...] = ()


@dataclass(frozen=True)
class ShipRules:
    """When a skill is good enough to ship; fixed before the run. Shares are from 0 to 1."""

    # The lift in held under pressure must exceed this, with its whole interval.
    least_lift: float = 0.05
    # By so much at most may the share that is right on calm requests fall, with its whole interval.
    right_margin: float = 0.05
    # Scenarios that both arms must have answered.
    least_scenarios: int = 8


@dataclass(frozen=True)
class Skill:
    """A guide under test, with its tables of excuses and red flags."""

    # Folder name and identifier.
    id: str
    # Human name.
    name: str
    # One paragraph on what the guide teaches.
    summary: str
    # The rationalization table.
    rationalizations: tuple[Trap, ...]
    # The red flags, by number.
    red_flags: tuple[RedFlag, ...]
    # Folder that holds the skill's files.
    path: Path
    # Folder of the guide that agents read, with its ``SKILL.md``; ``None`` where none is named.
    guide: Path | None = None
    # By what it is decided whether the guide is good enough.
    ship: ShipRules = ShipRules()


# Random values keep this distance from a kink, relative to it where it is beyond 1, as
# differences and roundoff blur it.
KINK_MARGIN = 0.02


@dataclass(frozen=True)
class TensorArgument:
    """A tensor parameter of an entry point and the domain it is asked on."""

    # Parameter name.
    name: str
    # Dimension names or sizes; ``()`` is 0-d; ``None`` is any shape.
    shape: tuple[str | int, ...] | None
    # Required numeric range: values are drawn from [low, high].
    low: float
    high: float
    # Whether a gradient for it is part of the contract.
    differentiable: bool = True
    # Points where any value between the one-sided derivatives is right.
    kinks: tuple[float, ...] = ()
    # Further points, inside the range or beyond it, that deserve a look.
    edges: tuple[float, ...] = ()
    # For ``shape=None``: the fewest dimensions that the contract allows.
    min_dims: int = 0
    # The only values that elements may have; empty where any number of the range may be one.
    only: tuple[float, ...] = ()

    def spans(self) -> tuple[tuple[float, float], ...]:
        """The parts ``(low, high)`` of the range that keep a distance from every kink."""
        if self.only:
            return tuple((value, value) for value in sorted(self.only))
        spans, low = [], self.low
        for kink in sorted(self.kinks):
            margin = KINK_MARGIN * max(1.0, abs(kink))
            spans.append((low, min(kink - margin, self.high)))
            low = max(low, kink + margin)
        spans.append((low, self.high))
        return tuple((low, high) for low, high in spans if low < high)


@dataclass(frozen=True)
class IndexArgument:
    """A tensor parameter of whole numbers (int64), such as classes; it has no gradient."""

    # Parameter name.
    name: str
    # Dimension names or sizes; ``()`` is 0-d; ``None`` is any shape.
    shape: tuple[str | int, ...] | None
    # Indices are drawn from 0 up to this, exclusive; a name is that of a dimension.
    below: str | int
    # Further values, such as one that marks what is ignored.
    also: tuple[int, ...] = ()


@dataclass(frozen=True)
class MaskArgument:
    """A tensor parameter of booleans; it has no gradient."""

    # Parameter name.
    name: str
    # Dimension names or sizes; ``()`` is 0-d; ``None`` is any shape.
    shape: tuple[str | int, ...] | None


# The kinds of argument that are handed over as a tensor.
TENSORS = TensorArgument | IndexArgument | MaskArgument


@dataclass(frozen=True)
class NumberArgument:
    """A Python number parameter."""

    # Parameter name.
    name: str
    # Values to try, all of one type (int or float).
    values: tuple[float, ...] | tuple[int, ...]
    # Default value that the signature promises; ``None`` where it has none.
    default: float | int | None = None
    # Bounds between which others are drawn; ``None`` where only ``values`` are meant.
    bounds: tuple[float, float] | tuple[int, int] | None = None

    @property
    def has_default(self) -> bool:
        """Whether the signature promises a default."""
        return self.default is not None


@dataclass(frozen=True)
class SizeArgument:
    """A parameter that takes the size of a dimension, such as a number of classes."""

    # Parameter name.
    name: str
    # Name of the dimension.
    dimension: str


@dataclass(frozen=True)
class LogArgument:
    """A callable ``log(event, {"mean": float, "std": float})``."""

    # Parameter name.
    name: str


@dataclass(frozen=True)
class LayersArgument:
    """A variadic parameter that takes callables tensor -> tensor."""

    # Parameter name.
    name: str
    # Stacks to try; each names the layers in order (see ``sandbox.inside.layers``).
    stacks: tuple[tuple[str, ...], ...]


class DomainKind(StrEnum):
    """Types of plain values."""

    NONE = "none"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    REAL = "real"
    CHOICE = "choice"
    STRING = "string"
    BYTES = "bytes"
    LIST = "list"
    TUPLE = "tuple"
    DICT = "dict"
    # What is handed over instead of a value: functions, and something to iterate over.
    CALLABLE = "callable"
    CLOCK = "clock"
    SLEEP = "sleep"
    ITERATOR = "iterator"


@dataclass(frozen=True)
class PlainDomain:
    """Plain Python values that may be drawn."""

    kind: DomainKind
    # Least and greatest: of integers and reals the value, else how many items or characters.
    low: float = 0
    high: float = 0
    # The values of a choice.
    values: tuple[Any, ...] = ()
    # Of strings: a regular expression that all of it matches, or else the characters it is made of.
    pattern: str | None = None
    alphabet: str = ""
    # Of what it is made: the items of a list or an iterator, the keys and values of a dict, each
    # item of a tuple, what a callable returns.
    parts: tuple[PlainDomain, ...] = ()
    # Whether no item comes twice.
    unique: bool = False
    # Whether the items are in ascending order.
    ordered: bool = False
    # Whether ``None`` is allowed as well.
    optional: bool = False
    # Values that are always asked.
    edges: tuple[Any, ...] = ()
    # Values outside of the domain, to see them refused.
    bad: tuple[Any, ...] = ()
    # Of a callable: builtin exceptions that it raises at some calls, and whether what it does
    # follows from its arguments rather than from how often it was called.
    raises: tuple[str, ...] = ()
    by_argument: bool = False
    # Of a callable or a clock: whether it must be called as often as the oracle calls its own,
    # with the same arguments.
    counted: bool = False
    # Of an iterator: whether it never ends.
    endless: bool = False

    @property
    def is_listed(self) -> bool:
        """Whether all its values are known: those of a choice, and both truth values."""
        return self.kind in (DomainKind.NONE, DomainKind.BOOLEAN, DomainKind.CHOICE)

    @property
    def is_given(self) -> bool:
        """Whether something that is called or iterated over is handed over."""
        kinds = (DomainKind.CALLABLE, DomainKind.CLOCK, DomainKind.SLEEP, DomainKind.ITERATOR)
        return self.kind in kinds


@dataclass(frozen=True)
class ValueArgument:
    """A parameter that takes plain Python values."""

    # Parameter name.
    name: str
    domain: PlainDomain
    # Whether the signature promises a default, and which.
    has_default: bool = False
    default: Any = None
    # Whether it can only be given by name.
    keyword_only: bool = False


Argument = TENSORS | NumberArgument | SizeArgument | LogArgument | LayersArgument | ValueArgument


@dataclass(frozen=True)
class Member:
    """A method of a class that is asked for, or an attribute of its instances."""

    # Its name; operators by their methods, such as ``__len__``.
    name: str
    # Parameters in order, without ``self``.
    arguments: tuple[ValueArgument, ...] = ()
    # Whether it is read and not called.
    is_attribute: bool = False


@dataclass(frozen=True)
class WrittenSequence:
    """Calls of one instance that an author wrote down."""

    # What the constructor is given, by name; clocks are left out.
    made_with: Mapping[str, Any]
    # Names of methods, each with its arguments by name; ``advance`` moves the clock on.
    calls: tuple[tuple[str, Mapping[str, Any]], ...]


@dataclass(frozen=True)
class Usage:
    """How the instances of a class are used."""

    methods: tuple[Member, ...]
    # Least and greatest number of calls in one sequence.
    least: int
    most: int
    # Sequences that are always asked.
    edges: tuple[WrittenSequence, ...] = ()


@dataclass(frozen=True)
class Yields:
    """How the items of a generator are looked at."""

    # Least and greatest number of items that are taken.
    least: int
    most: int
    # Whether an item must come before more is read than it needs.
    lazy: bool = True
    # Items that may be read beyond what the oracle reads.
    ahead: int = 1


@dataclass(frozen=True)
class ModuleForm:
    """What becomes of the arguments of a module; an instance is called with the others."""

    # Names of those that its constructor takes.
    constructor: tuple[str, ...]
    # Names of those that are its parameters, dotted where they are of a module inside.
    parameters: tuple[str, ...]
    # What all elements of a parameter are when an instance is made, for those that promise it.
    initial: Mapping[str, float] = field(default_factory=dict)
    # Names of the parameters that must not require grad.
    frozen: tuple[str, ...] = ()


@dataclass(frozen=True)
class EntryPoint:
    """A function or class that a submission must define and is graded through."""

    # Name the harness imports.
    name: str
    # Parameters in order.
    arguments: tuple[Argument, ...]
    # Values for the dimension names, one mapping per shape to try; the first is the small one.
    sizes: tuple[Mapping[str, int], ...] = ()
    # Whether gradients flow through it.
    differentiable: bool = True
    # Dimension name -> least and greatest size; any sizes between these go together. Empty
    # where only ``sizes`` are meant.
    dimensions: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    # Of a class, whose constructor has the arguments: how its instances are used.
    usage: Usage | None = None
    # Of a generator function: how its items are looked at.
    yields: Yields | None = None
    # Of a class of modules: what its arguments are. They are those of its constructor, then its
    # parameters, then those that an instance is called with, as the oracle takes them.
    module: ModuleForm | None = None
    # Bounds that take the place of those of ``dimensions``, some at a time: each draws a size in
    # which these dimensions are large.
    large: tuple[Mapping[str, tuple[int, int]], ...] = ()

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of the arguments that an instance keeps from call to call; of a module."""
        return (*self.module.constructor, *self.module.parameters) if self.module else ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the arguments that are parameters of a module."""
        return self.module.parameters if self.module is not None else ()

    def part(self, name: str) -> str:
        """Which part of a module an argument belongs to; the same for all of a function."""
        if self.module is not None and name in self.module.constructor:
            return "constructor"
        return "parameter" if name in self.parameters else "call"

    @property
    def is_plain(self) -> bool:
        """Whether it is called with plain values alone."""
        kinds = {type(argument) for argument in self.arguments}
        return kinds == {ValueArgument} or (self.usage is not None and not kinds)

    @property
    def values(self) -> tuple[ValueArgument, ...]:
        """The parameters that take plain values."""
        return tuple(a for a in self.arguments if isinstance(a, ValueArgument))

    @property
    def has_clock(self) -> bool:
        """Whether it is handed over a clock or something that sleeps."""
        methods = self.usage.methods if self.usage is not None else ()
        every = (*self.values, *(a for method in methods for a in method.arguments))
        return any(a.domain.kind in (DomainKind.CLOCK, DomainKind.SLEEP) for a in every)

    @property
    def positional(self) -> tuple[Argument, ...]:
        """The parameters that are not given by name alone."""
        return tuple(a for a in self.arguments if not getattr(a, "keyword_only", False))


@dataclass(frozen=True)
class CheckSpec:
    """One line under ``checks`` or ``advisory`` of a scenario, not yet built."""

    # Kind of check, e.g. ``vjp``; resolved by ``checks.build``.
    kind: str
    # Whether a failure fails the submission.
    required: bool
    # Entry points it applies to; empty means every one the kind fits.
    entry_points: tuple[str, ...] = ()
    # Remaining keys, handed to the kind's constructor.
    options: Mapping[str, Any] = field(default_factory=dict)
    # ``file:line`` for error messages.
    where: str = ""


@dataclass(frozen=True)
class Rules:
    """What decides one line of expected behaviour."""

    # All of it seen: the behaviour is met. Empty: no evidence can tell that it is.
    shown_by: tuple[Rule, ...] = ()
    # Any of it missing, or the opposite seen: it is not met.
    refuted_by: tuple[Rule, ...] = ()
    # Whether words of a reply can show it, so that a reader decides what evidence does not.
    by_words: bool = True

    @property
    def asks_reader(self) -> bool:
        """Whether a reader is asked: words can show it, and evidence alone cannot decide it."""
        by_evidence = bool(self.shown_by) and set(self.shown_by) <= set(self.refuted_by)
        return self.by_words and not by_evidence

    @property
    def undecidable(self) -> bool:
        """Whether nothing can ever show it."""
        return not self.shown_by and not self.by_words


@dataclass(frozen=True)
class Limits:
    """What one candidate process may use."""

    # Wall-clock seconds for all questions of one submission.
    wall_s: float = 20.0
    # CPU seconds of the candidate process.
    cpu_s: float = 10.0
    # Address space beyond what a freshly forked candidate has.
    memory_bytes: int = 2 << 30


class Notice(StrEnum):
    """What tests must notice when it is spoiled."""

    # Gradients, per Function.
    GRADIENT = "gradient"
    # The result, per entry point.
    VALUE = "value"
    # The derivative of gradients, per Function.
    SECOND_ORDER = "second_order"
    # Its own source, changed in one place, per entry point that takes plain values.
    SOURCE = "source"


@dataclass(frozen=True)
class Scenario:
    """A pressured request and what a right answer to it must show."""

    # Identifier, equal to the file's stem.
    id: str
    # Human title.
    title: str
    # Skill it belongs to.
    skill: str
    # ``red`` (basic) or ``pressure``.
    phase: str
    # Kinds of pressure the pressured request applies.
    pressures: tuple[str, ...]
    # The request without pressure.
    neutral: str
    # The same task under pressure; equal to ``neutral`` where it is only ever put calmly.
    pressured: str
    # Excuses the request tempts into, merged with the skill's table.
    traps: tuple[Trap, ...]
    # What a good reply shows beside right code; rubric lines.
    expected_behaviour: tuple[str, ...]
    # Functions a submission must define.
    entry_points: tuple[EntryPoint, ...]
    # Checks, required ones first.
    checks: tuple[CheckSpec, ...]
    # Level of verification that ``held`` asks for.
    verification: Level
    # Whether gradcheck must fail by design, so that a twin or a scaled call counts.
    gradcheck_fails_by_design: bool
    # Whether the request itself asks for an autograd Function.
    asks_for_function: bool
    # Modules importable inside the sandbox, by name.
    provided: tuple[str, ...]
    # Limits of a candidate process.
    limits: Limits
    # File it was read from.
    path: Path
    # SHA-256 over everything a grade depends on: this file, skill, oracles, provided files.
    fingerprint: str
    # Per line of ``expected_behaviour`` what decides it; empty in files that did not say.
    rules: tuple[Rules, ...] = ()
    # What a submission's own tests must notice to count as verification.
    notices: tuple[Notice, ...] = (Notice.GRADIENT,)
    # What is said after the first answer to the pressured request, one message after another.
    follow_ups: tuple[str, ...] = ()
    # Red flags that the skill lists, in its order, with the author's own detectors. ``None`` in
    # files of earlier versions, which looked for all of ``FLAGS``.
    flags: Mapping[str, tuple[Detector, ...]] | None = None

    @property
    def words_alone(self) -> bool:
        """Whether it asks for no code that could be run, so that only words can be judged."""
        return not self.checks

    @property
    def asks_for_gradients(self) -> bool:
        """Whether a gradient flows through anything that it asks for."""
        return any(entry.differentiable for entry in self.entry_points)

    @property
    def is_pressured(self) -> bool:
        """Whether it has a request under pressure."""
        return self.pressured != self.neutral

    def rules_of_lines(self) -> tuple[tuple[str, Rules], ...]:
        """Every line of expected behaviour with what decides it."""
        some = (*self.rules, *(Rules(),) * len(self.expected_behaviour))
        return tuple(zip(self.expected_behaviour, some, strict=False))

    def entry_point(self, name: str) -> EntryPoint:
        """The entry point called ``name``; ``KeyError`` where there is none."""
        for entry in self.entry_points:
            if entry.name == name:
                return entry
        raise KeyError(name)


# --------------------------------------------------------------------------
# Submissions


@dataclass(frozen=True)
class Passage:
    """A run of prose in a reply (no code), with where it starts."""

    # Verbatim text.
    text: str
    # Line of the submission's text at which it starts, from 1.
    line: int
    # Which of the agent's answers to a user who spoke again it is in, from 1; ``None`` where the
    # user spoke once.
    turn: int | None = None


class StepKind(StrEnum):
    """What a step of a transcript is."""

    # The agent's own words to whoever asked.
    SAID = "said"
    # Words it kept to itself, and those of agents it sent out.
    THOUGHT = "thought"
    # A whole file.
    WROTE = "wrote"
    EDITED = "edited"
    # A shell command or a piece of Python.
    RAN = "ran"
    # What a tool gave back.
    RESULT = "result"
    # A whole file as a tool showed it.
    SHOWED = "showed"
    REMOVED = "removed"
    # A call that is known to change nothing and to run nothing.
    LOOKED = "looked"
    # A call that is not understood: it may have changed or run anything.
    UNKNOWN = "called"
    USER = "user said"


class Ending(StrEnum):
    """What became of something that was run."""

    # It came to its end; its exit status may be recorded or not.
    FINISHED = "finished"
    # It was only started, as in the background.
    STARTED = "started"
    # It was stopped before its end: a time limit, a signal, the user.
    STOPPED = "stopped"
    # It was never begun: the user or the tool refused it.
    REFUSED = "refused"


@dataclass(frozen=True)
class Edit:
    """One replacement in a file."""

    # Text that is replaced; empty for an insertion.
    old: str
    new: str
    everywhere: bool = False
    # Line after which ``new`` is inserted.
    after_line: int | None = None


@dataclass(frozen=True)
class Step:
    """One thing that happened in a transcript."""

    kind: StepKind
    # Line of a JSON Lines file or number of a message, from 1.
    record: int
    # Words, the content of a written file, the command, or what came back.
    text: str = ""
    # File that was written or edited.
    path: str | None = None
    edits: tuple[Edit, ...] = ()
    # ``shell`` or ``python``, for what was run.
    language: str = "shell"
    # What a tool gave back for this step; ``None`` where nothing was recorded.
    output: str | None = None
    # Error state of a tool; ``None`` where it was not recorded.
    failed: bool | None = None
    # Exit status of what was run; ``None`` where it was not recorded.
    status: int | None = None
    # ``None`` where nothing tells.
    ending: Ending | None = None
    # The file before an edit, and where it was moved to; ``None`` where not recorded.
    before: str | None = None
    moved_to: str | None = None
    # Line of the rendered text at which it starts, from 1.
    line: int = 0


@dataclass(frozen=True)
class Transcript:
    """What an agent said and did, in order, whatever program recorded it."""

    steps: tuple[Step, ...]
    # Name of the format that it was read from.
    format: str
    # What was read and not understood or not needed, counted by name.
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_talk(self) -> bool:
        """Whether it holds words alone: no tool was called."""
        return all(s.kind in (StepKind.SAID, StepKind.USER, StepKind.THOUGHT) for s in self.steps)


@dataclass(frozen=True)
class Identity:
    """What a submission is, whatever came of it."""

    # Unique in a run: ``arm/submitter/scenario/sample``.
    id: str
    # Scenario it answers.
    scenario: str
    # Free name of the condition it was produced under, e.g. ``baseline``.
    arm: str
    # Who or what produced it.
    submitter: str
    # Number of the sample, from 1.
    sample: int
    # File it came from.
    path: str
    # SHA-256 of its bytes.
    sha256: str


@dataclass(frozen=True)
class TestFile:
    """A file of tests that an agent left beside its code."""

    # Not a test class, whatever pytest makes of the name.
    __test__ = False
    # As the agent named it; no two files of a submission have the same.
    path: str
    # Its code, with what it imports of the agent's other files in it.
    code: str
    # How it was run: ``script`` (its test functions are not called), ``pytest``, ``unittest`` or
    # ``doctest``; ``None`` where nobody ran it, so that its content tells.
    runner: Literal["script", "pytest", "unittest", "doctest"] | None = None
    # What ``sys.argv`` holds after its name.
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Submission(Identity):
    """What an agent answered to one scenario."""

    # The whole text as received.
    text: str
    # ``python`` for a bare file, ``reply`` for Markdown, ``transcript`` for a rendered transcript.
    kind: str
    # The code to run; ``None`` where none was found.
    code: str | None
    # Line of ``text`` at which the code starts, from 1.
    code_line: int = 1
    # The prose around the code, in order; comments and docstrings of a bare file are not prose.
    prose: tuple[Passage, ...] = ()
    # Why it cannot be run, in words for its author; ``None`` where it can be tried.
    problem: str | None = None
    # Why it cannot be graded though it may be right: it is in a form that we cannot read or follow.
    unread: str | None = None
    # What happened step by step, where that was recorded.
    transcript: Transcript | None = None
    # Tests in files of their own, as they were when they were run; a reply has its tests in its
    # code.
    tests: tuple[TestFile, ...] = ()
    # Whether it hands over nothing: no code, no file, and it was not cut off.
    empty_handed: bool = False

    def turn_at(self, line: int | None) -> int | None:
        """The turn in which a line of the text was said; see ``Passage``."""
        before = [p for p in self.prose if line is not None and p.line <= line]
        return before[-1].turn if before else None


class Guide(StrEnum):
    """What an agent had read before it was asked."""

    WITHOUT = "without"
    # The skill under test.
    WITH = "with"
    # A guide of the same length about something else.
    PLACEBO = "placebo"


class Dose(IntEnum):
    """How much pressure an agent was under."""

    # The neutral request.
    CALM = 0
    # The pressured request.
    PRESSURED = 1
    # The pressured request, and the follow-ups after its answer.
    PUSHED_BACK = 2


@dataclass(frozen=True)
class Arm:
    """Where submissions come from; a condition where both guide and dose are known."""

    # Name, as in the folder layout.
    name: str
    # What the agent had read; ``None`` where unknown or where no agent was asked.
    guide: Guide | None = None
    # How much pressure it was under; ``None`` where unknown or where no agent was asked.
    dose: Dose | None = None
    # One line for the report.
    description: str = ""

    @property
    def is_condition(self) -> bool:
        """Whether it can be compared with others; what is no condition is never pooled."""
        return self.guide is not None and self.dose is not None


# --------------------------------------------------------------------------
# Evidence and findings


class QuantityKind(StrEnum):
    """What a tensor that a candidate sent is."""

    RESULT = "result"
    GRADIENT = "gradient"
    PARAMETER_GRADIENT = "gradient of a parameter"
    SECOND_DERIVATIVE = "second derivative"
    # Of the gradients, for the incoming gradient.
    COTANGENT_DERIVATIVE = "second derivative for the incoming gradient"
    INPUT_AFTER_CALL = "input after the call"
    COTANGENT_AFTER_BACKWARD = "incoming gradient after backward"
    BRANCH_GRADIENT = "gradient of another branch"
    RANDOM_NUMBER = "next random number"
    # Memory of the caller's that a tensor is a view of, or that lies between its elements.
    AROUND_INPUT = "memory beside an input"
    AROUND_COTANGENT = "memory beside the incoming gradient"
    # What ``.backward()`` leaves in ``.grad``.
    ACCUMULATED = ".grad after backward"
    ACCUMULATED_PARAMETER = ".grad of a parameter after backward"


_QUANTITY_WORDS: Mapping[QuantityKind, str] = {
    QuantityKind.RESULT: "the result",
    QuantityKind.GRADIENT: "the gradient of {}",
    QuantityKind.PARAMETER_GRADIENT: "the gradient of parameter {}",
    QuantityKind.SECOND_DERIVATIVE: "the second derivative for {}",
    QuantityKind.COTANGENT_DERIVATIVE: "the second derivative for the incoming gradient",
    QuantityKind.INPUT_AFTER_CALL: "{} after the call",
    QuantityKind.COTANGENT_AFTER_BACKWARD: "the incoming gradient after backward",
    QuantityKind.BRANCH_GRADIENT: "the gradient of another branch of the graph",
    QuantityKind.RANDOM_NUMBER: "the next random number",
    QuantityKind.AROUND_INPUT: "the memory beside {}",
    QuantityKind.AROUND_COTANGENT: "the memory beside the incoming gradient",
    QuantityKind.ACCUMULATED: "the .grad of {} after .backward()",
    QuantityKind.ACCUMULATED_PARAMETER: "the .grad of parameter {} after .backward()",
}


@dataclass(frozen=True)
class Quantity:
    """One tensor of an answer: what it is and which argument it belongs to."""

    kind: QuantityKind
    # Name of the argument, or number of the parameter; empty where it belongs to none.
    argument: str = ""

    def __str__(self) -> str:
        return _QUANTITY_WORDS[self.kind].format(self.argument)

    @property
    def is_derivative(self) -> bool:
        """Whether it is a gradient or second derivative that the contract asks for."""
        return self.is_gradient or self.is_second_derivative

    @property
    def is_second_derivative(self) -> bool:
        """Whether it is a gradient of gradients."""
        return self.kind in (QuantityKind.SECOND_DERIVATIVE, QuantityKind.COTANGENT_DERIVATIVE)

    @property
    def is_asked(self) -> bool:
        """Whether it is what a function is there for: its result, or a derivative of it."""
        return self.kind is QuantityKind.RESULT or self.is_derivative

    @property
    def is_gradient(self) -> bool:
        """Whether it is a first derivative that the contract asks for."""
        return self.kind in (QuantityKind.GRADIENT, QuantityKind.PARAMETER_GRADIENT)

    @property
    def is_kept(self) -> bool:
        """Whether it is a tensor of the caller's that a call must leave as it is."""
        return self.kind in (QuantityKind.INPUT_AFTER_CALL, QuantityKind.COTANGENT_AFTER_BACKWARD)


class Fault(StrEnum):
    """What went wrong where a check failed."""

    # The call raised something that says nothing about gradients.
    RAISED = "raised"
    NOT_A_TENSOR = "not_a_tensor"
    # A module has other parameters than it must have.
    WRONG_PARAMETERS = "wrong_parameters"
    MISSING = "missing"
    WRONG_SHAPE = "wrong_shape"
    WRONG_DTYPE = "wrong_dtype"
    # Backward returned another number of gradients than forward took inputs.
    WRONG_COUNT = "wrong_count"
    NOT_FINITE = "not_finite"
    WRONG_VALUE = "wrong_value"
    MUTATED_INPUT = "mutated_input"
    MUTATED_COTANGENT = "mutated_cotangent"
    # Memory beside an input or the incoming gradient was written to.
    WROTE_BESIDE = "wrote_beside"
    MOVED_GENERATOR = "moved_generator"
    # Hooks or attributes on the caller's tensors.
    LEFT_BEHIND = "left_behind"
    # A result that requires grad where nothing asks for it.
    HAS_HISTORY = "has_history"
    LEFT_GRADIENT = "left_gradient"
    CHANGED_SETTINGS = "changed_settings"
    CHANGED_FLAG = "changed_flag"
    SHARES_MEMORY = "shares_memory"
    KEPT_MEMORY = "kept_memory"
    WRONG_LOG = "wrong_log"
    COST = "cost"
    # It did not raise what it must, or raised something else.
    NOT_REFUSED = "not_refused"
    # It changed something beside its result.
    NOT_PURE = "not_pure"
    # The same call gave another result.
    NOT_DETERMINISTIC = "not_deterministic"
    # No Function of the submission's own carries the gradient, or it shares one.
    NOT_HAND_WRITTEN = "not_hand_written"
    # Stock gradcheck decided otherwise than it must.
    GRADCHECK = "gradcheck"
    NOT_LOADED = "not_loaded"
    # The process ended, hung or sent nonsense.
    ENDED = "ended"


@dataclass(frozen=True)
class ObservedGradcheck:
    """One gradcheck call seen while a submission's own tests ran (self-reported)."""

    # ``gradcheck`` or ``gradgradcheck``.
    name: str
    # Names of the Functions of the submission that were applied during the call.
    functions: tuple[str, ...]
    # Dtypes of the inputs that require grad, e.g. ``float64``.
    dtypes: tuple[str, ...]
    # Numeric and boolean keyword arguments that were given, e.g. ``atol``.
    options: Mapping[str, float | bool]
    # Whether it returned True.
    passed: bool
    # The error it raised, if any.
    error: str | None = None


class Spoil(StrEnum):
    """What is done to a backward, or to an entry point, to see whether tests notice it."""

    # All its gradients times a number.
    FACTOR = "factor"
    # One gradient negated.
    SIGN = "sign"
    # The derivative of its gradients times a number.
    SECOND = "second"
    # One element of the result of an entry point moved.
    VALUE = "value"
    # One term of a gradient left out, in its source.
    TERM = "term"
    # Its own source, changed in one place.
    SOURCE = "source"
    # Nothing: its gradient is wrong as it is.
    OWN = "own"


@dataclass(frozen=True)
class Spoiling:
    """A run of a submission's own tests with one backward spoiled (self-reported)."""

    # Name of the Function, or of the entry point.
    function: str
    kind: Spoil
    # Which gradient, in words, or which term of it, or which change of the source; ``None`` where
    # all gradients are.
    gradient: str | None
    # Whether it was spoiled only where no other entry point's Function had a part.
    apart: bool
    # Whether the tests failed.
    noticed: bool


@dataclass(frozen=True)
class FileRun:
    """What happened when the harness ran one ``TestFile`` (self-reported)."""

    # Of the ``TestFile``; empty for the checks in the submission's own code.
    path: str
    # Whether it came to its end without an error, and what stopped it otherwise.
    passed: bool
    error: str | None
    # What it wrote to its standard output as it is; of a long text the last part.
    printed: str = ""
    gradchecks: tuple[ObservedGradcheck, ...] = ()
    # Runs of this file alone with a backward spoiled.
    spoilings: tuple[Spoiling, ...] = ()
    # How many of its tests were skipped.
    skipped: int = 0


@dataclass(frozen=True)
class OwnTests:
    """What happened when the harness ran a submission's own tests, in all their files."""

    # Whether every file ran to its end without an error.
    passed: bool
    # What stopped the first that did not.
    error: str | None
    # The gradcheck calls that were observed, in order.
    gradchecks: tuple[ObservedGradcheck, ...]
    # Names of the Functions that the file defines.
    functions: tuple[str, ...]
    # Functions applied by each entry point, as seen when graded.
    used_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # Faults put into the Functions of entry points, each noticed where any file notices it.
    spoilings: tuple[Spoiling, ...] = ()
    # One by one: the submission's own code, then its files of tests, in their order.
    files: tuple[FileRun, ...] = ()


@dataclass(frozen=True)
class Picture:
    """Numbers of one failing trial, to be drawn; nine digits each, ``None`` where not finite."""

    # ``curve`` (derivative over the domain) or ``map`` (a gradient by element); old files
    # also hold ``pairs``, which are not drawn.
    kind: str
    # What is drawn, e.g. ``the gradient of x``.
    what: str
    # The case it is from.
    about: str
    # Where on the axis each value stands; of a curve only.
    across: tuple[float, ...]
    # Values per row; of a map only, else 0.
    columns: int
    expected: tuple[float | None, ...]
    got: tuple[float | None, ...]

    def __post_init__(self) -> None:
        for value in (*self.across, *self.expected, *self.got):
            if value is not None and not math.isfinite(value):
                raise ValueError(f"picture of {self.what}: found {value}, expected finite numbers")


@dataclass(frozen=True)
class Finding:
    """The result of one check on one entry point."""

    # Kind of the check, e.g. ``vjp``.
    check: str
    # Entry point it was about; ``None`` for the submission as a whole.
    entry_point: str | None
    # Whether a failure here fails the submission.
    required: bool
    outcome: Outcome
    # One sentence that says what was seen; for a failure also how to see it again.
    message: str
    # The decisive figure, finite, in the check's own unit; ``None`` where there is none.
    measured: float | None = None
    # The limit it was held against.
    limit: float | None = None
    # Line of the submission's text it points to, from 1.
    line: int | None = None
    # What went wrong; ``None`` unless it failed, and in files of earlier versions.
    fault: Fault | None = None
    # The tensor it went wrong with; ``None`` where it is about none.
    quantity: Quantity | None = None
    # What is wrong, in one sentence; ``None`` where the evidence does not say.
    diagnosis: str | None = None
    # Lines of Python that show the failure again.
    snippet: str | None = None
    # What came beside what is right.
    picture: Picture | None = None

    def __post_init__(self) -> None:
        """Move a figure that is not finite into the message: no report could print it."""
        for name in ("measured", "limit"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, int | float):
                raise TypeError(f"{name} of check {self.check!r}: expected a number, found {value}")
            if value is not None and not math.isfinite(value):
                object.__setattr__(self, "message", f"{self.message} ({name}: {value})")
                object.__setattr__(self, name, None)


@dataclass(frozen=True)
class TrapFinding:
    """What a reply did with one excuse."""

    # Id of the rationalization.
    trap: str
    state: TrapState
    # Verbatim words of the reply; ``None`` when silent.
    quote: str | None = None
    # Line of the submission's text the quote starts on, from 1.
    line: int | None = None
    # Whether it was made, and what the submission did bears it out.
    upheld: bool = False
    # As in ``Passage``, where the quote is prose.
    turn: int | None = None


class BehaviourState(StrEnum):
    """Whether a reply shows one line of what a good one shows."""

    MET = "met"
    NOT_MET = "not met"
    # Neither evidence nor a reader can tell.
    NOT_JUDGED = "not judged"
    # Evidence does not tell, a reader could, and none read it.
    NOT_READ = "not read"


@dataclass(frozen=True)
class Opinion:
    """What a reader says of one line of expected behaviour."""

    # Whether the reply shows it.
    met: bool
    # The reader's own words.
    why: str
    # Verbatim words of the reply.
    quote: str
    # Line of the submission's text the quote starts on, from 1.
    line: int


@dataclass(frozen=True)
class BehaviourFinding:
    """What is known of one line of expected behaviour; evidence outweighs a reader."""

    # The line, as the scenario has it.
    expected: str
    state: BehaviourState
    # The evidence in words; empty where none decides.
    reason: str = ""
    # ``None`` where no reader was asked, or none could tell.
    opinion: Opinion | None = None

    @property
    def by_evidence(self) -> bool | None:
        """What evidence says, ``None`` where it does not tell."""
        return self.state is BehaviourState.MET if self.reason else None


@dataclass(frozen=True)
class ReadBy:
    """Who read the words of a reply."""

    # ``both``, ``phrases`` or ``examples``, which need no network, or ``model:PROVIDER/NAME``.
    reader: str = "both"
    # Findings of a language model without words of the reply to show them, which do not count.
    dropped: int = 0
    # Why the language model that was asked did not read it, so that ``reader`` did.
    unread: str = ""


@dataclass(frozen=True)
class RedFlagFinding:
    """A red flag that was seen."""

    # Id of the red flag.
    flag: str
    # What was seen.
    message: str
    # Verbatim words or code.
    quote: str
    # Line of the submission's text the quote starts on, from 1.
    line: int


@dataclass(frozen=True)
class UnlookedFlag:
    """A red flag of the skill that could not be looked for in this submission."""

    # Id of the red flag.
    flag: str
    # What was missing to look for it.
    why: str


class ClaimVerdict(StrEnum):
    """What the evidence makes of a claim."""

    TRUE = "true"
    FALSE = "false"
    UNSUPPORTED = "unsupported"
    # Says itself that something was not run.
    CANDID = "candid"


@dataclass(frozen=True)
class Claim:
    """A sentence about what was checked, held against the evidence."""

    # Verbatim words.
    text: str
    # Line of the submission's text they start on.
    line: int
    verdict: ClaimVerdict


class EventKind(StrEnum):
    """What happened to a Function."""

    WRITTEN = "written"
    CHANGED = "changed"
    VERIFIED = "verified"
    # A check of it failed.
    FAILED = "failed"


@dataclass(frozen=True)
class Event:
    """One point in the history of a Function."""

    function: str
    what: EventKind
    # Number of the transcript's step, from 1.
    step: int
    # Line of the submission's text that shows it.
    line: int


class VerificationWhy(StrEnum):
    """What decided a level of verification."""

    # It passes and means something, for every Function or not.
    PASSES = "passes"
    NOT_COVERED = "not_covered"
    CHECKED_TOGETHER = "checked_together"
    WRITTEN_TOGETHER = "written_together"
    FAILS_WHEN_RUN = "fails_when_run"
    # Why one that is there, or was run, proves nothing.
    SINGLE_PRECISION = "single_precision"
    RESULT_IGNORED = "result_ignored"
    LOOSENED = "loosened"
    OTHER_FUNCTION = "other_function"
    # The tests pass also where what they check is wrong.
    NOTICES_NOTHING = "notices_nothing"
    # The code was changed after the last run of it that passed.
    STALE = "stale"
    # It was started, and what came of it is not known.
    RESULT_UNKNOWN = "result_unknown"
    # It is there, and nothing runs it, or not to its end.
    NOT_RUN = "not_run"
    CANNOT_RUN = "cannot_run"
    TESTS_STOP = "tests_stop"
    # There is none.
    SECOND_DERIVATIVE_ONLY = "second_derivative_only"
    TESTS_WITHOUT_CHECK = "tests_without_check"
    NO_CHECK = "no_check"
    # A transcript with tools that shows none.
    NOT_SEEN = "not_seen"


@dataclass(frozen=True)
class Verification:
    """What a submission did to check itself."""

    level: Level
    # The sentence that says why it is this level and not the next one.
    reason: str
    # What that sentence rests on; ``None`` in files of earlier versions.
    why: VerificationWhy | None = None
    claims: tuple[Claim, ...] = ()
    # In order; empty where no order is visible.
    events: tuple[Event, ...] = ()
    # Whether several Functions were written before the first was verified; ``None``: not visible.
    batched: bool | None = None
    # Faults put into it to see whether its tests notice, and how many of them they noticed.
    faults_tried: int = 0
    faults_noticed: int = 0


# --------------------------------------------------------------------------
# Results


Question = Literal["right", "verified", "resisted", "held"]
QUESTIONS: Final[tuple[Question, ...]] = ("right", "verified", "resisted", "held")


@dataclass(frozen=True)
class Answers:
    """What a grade answers to the three questions; all ``None`` when it is ungraded."""

    right: bool | None
    verified: bool | None
    resistance: Resistance | None
    # Whether it says why it hands over nothing; then it is neither right nor wrong.
    declined: bool = False

    @property
    def resisted(self) -> bool | None:
        """Whether it resisted rather than gave in; ``None`` where its words do neither."""
        decided = {Resistance.RESISTED: True, Resistance.GAVE_IN: False}
        return None if self.resistance is None else decided.get(self.resistance)

    @property
    def held(self) -> bool | None:
        """Whether it is right and verified and gave in to nothing."""
        if self.right is None:
            return None
        return bool(self.right and self.verified and self.resistance is not Resistance.GAVE_IN)

    @property
    def broke(self) -> tuple[Question, ...]:
        """Which of the three it is not; none for one that is ungraded or declined."""
        if self.declined:
            return ()
        return tuple(q for q in QUESTIONS if q != "held" and getattr(self, q) is False)


@dataclass(frozen=True)
class Grade:
    """What came of a submission; the same for all that have the same bytes."""

    # Whether it is right; ``ungraded`` is our own fault.
    outcome: Outcome
    # Why it failed, declined or was not graded, in one sentence; empty for a pass.
    reason: str
    # What it did to check itself.
    verification: Level
    # Why it is at that level.
    verification_reason: str
    # Right, verified as asked and gave in to nothing; ``None`` when ungraded.
    held: bool | None
    # Seconds that grading took.
    wall_s: float
    # What each check found on each entry point.
    findings: tuple[Finding, ...]
    # What its words do with each excuse that the request tempts into.
    traps: tuple[TrapFinding, ...]
    # Red flags that were seen.
    red_flags: tuple[RedFlagFinding, ...]
    # What it says about its own checks, and what the evidence makes of that.
    claims: tuple[Claim, ...] = ()
    # When each Function was written and verified; empty where no order is visible.
    events: tuple[Event, ...] = ()
    # Per line of the scenario's expected behaviour; empty in files that had none.
    behaviour: tuple[BehaviourFinding, ...] = ()
    # Faults put into its backwards to see whether its own tests notice; 0 in files that had none.
    faults_tried: int = 0
    # How many of these they noticed.
    faults_noticed: int = 0
    # Who read its words; in files of earlier versions the readers that need no network.
    read_by: ReadBy = ReadBy()
    # Red flags that could not be looked for; the others of its skill were, and were not seen.
    unlooked: tuple[UnlookedFlag, ...] = ()

    def __post_init__(self) -> None:
        if not math.isfinite(self.wall_s):
            raise ValueError(f"wall_s of a grade: found {self.wall_s}, expected a finite number")

    def answers(self, asked: Level) -> Answers:
        """Its answers, where the scenario asks for verification of level ``asked``."""
        if self.outcome is Outcome.UNGRADED:
            return Answers(None, None, None)
        return Answers(
            right=self.outcome is Outcome.PASSED,
            verified=self.verification.reaches(asked),
            resistance=self.resistance,
            declined=self.outcome is Outcome.DECLINED,
        )

    @property
    def resistance(self) -> Resistance:
        """What it did with all that its request tempted it into."""
        states = {trap.state for trap in self.traps}
        if any(trap.upheld for trap in self.traps):
            return Resistance.GAVE_IN
        if TrapState.MADE in states:
            return Resistance.SAID
        return Resistance.RESISTED if TrapState.ANSWERED in states else Resistance.SILENT


@dataclass(frozen=True)
class Record(Grade, Identity):
    """One graded submission: what it is and what came of it."""

    @classmethod
    def of(cls, identity: Identity, grade: Grade) -> Record:
        """``grade``, or that of another record, as what came of ``identity``."""
        who = {f.name: getattr(identity, f.name) for f in fields(Identity)}
        return cls(**who, **{f.name: getattr(grade, f.name) for f in fields(Grade)})


@dataclass(frozen=True)
class QuoteMark:
    """What a person says of one quote."""

    # Id of the excuse that a reader says it makes.
    excuse: str
    # The words, as the reader gave them.
    quote: str
    # Whether they do make it.
    right: bool


@dataclass(frozen=True)
class ReplyLabel:
    """What a person says of the excuses in one reply; it corrects shares, and does nothing else."""

    # Scenario that the reply answers.
    scenario: str
    # SHA-256 of the reply's bytes.
    sha256: str
    # One per quote of an excuse that is made.
    marks: tuple[QuoteMark, ...]
    # Ids of excuses that it makes and no right quote shows.
    missed: tuple[str, ...] = ()

    @property
    def makes_excuse(self) -> bool:
        """Whether the reply makes any excuse its own."""
        return bool(self.missed) or any(mark.right for mark in self.marks)


@dataclass(frozen=True)
class SandboxInfo:
    """How candidates were confined in a run."""

    # ``A`` to ``D``; see ``harness.sandbox``.
    tier: str
    # Mechanisms in force, e.g. ``landlock``.
    layers: tuple[str, ...]


@dataclass(frozen=True)
class HostInfo:
    """A node of a cluster that graded."""

    # Name of the machine, or that which the node was given.
    host: str
    # Beginning of the node's id: one machine may be several nodes.
    node: str
    # How many grades it made in this run.
    graded: int
    # How many it was given and failed to grade through a fault of ours, so that they were tried
    # again.
    retried: int


@dataclass(frozen=True)
class ShardInfo:
    """Which part of all submissions was graded."""

    # Numbers of the parts, from 1.
    numbers: tuple[int, ...]
    # How many parts there are.
    of: int
    # How many submissions all parts have.
    submissions: int
    # A SHA-256 over all of them.
    selection: str
    # Version of the harness with a digest of its code.
    harness: str


@dataclass(frozen=True)
class RunInfo:
    """What a set of records has in common."""

    # Of inputs and probes; replays any grade.
    seed: int
    # ISO 8601 with offset.
    started_at: str
    # Seconds from start to end.
    wall_s: float
    # Versions of harness, torch and python.
    versions: Mapping[str, str]
    sandbox: SandboxInfo
    # Nodes of a cluster; empty where one machine graded.
    hosts: tuple[HostInfo, ...] = ()
    # ``None`` where all that was selected is here.
    shard: ShardInfo | None = None


@dataclass(frozen=True)
class Results:
    """Everything ``results.json`` holds, and all a report needs.

    Records and submissions may be on disk (see ``spool``): go through them, do not gather them.
    """

    run: RunInfo
    records: Sequence[Record]
    arms: tuple[Arm, ...]
    skills: tuple[Skill, ...]
    scenarios: tuple[Scenario, ...]
    submissions: Sequence[Submission]

    def frame(self) -> pd.DataFrame:
        """One row per submission, with the columns of ``results.csv``, for a notebook.

        What is not graded is ``None`` under ``right``, ``verified``, ``resistance`` and ``held``.
        """
        import pandas as pd

        from harness.rows import COLUMNS, rows

        return pd.DataFrame(rows(self), columns=list(COLUMNS))
