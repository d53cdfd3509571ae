"""Proves that a scenario can tell right from wrong.

Its reference solution must pass, and where it carries tests, they must reach the level of
verification that is asked: else nobody may. Answers that no request could mean must fail, chosen by
what its entry points promise: zeros, the input itself, nothing; of a module also one that computes
with what its parameters were when it was made, and one that has a parameter more; where gradients
are asked a detached result and a constant gradient; where a plain value is taken beside tensors one
that takes it for the same in every call; where plain values are all there is a constant, an echo,
an empty value, one that is off by one; where bad input is to be refused one that refuses nothing;
of a class one whose state never changes or is shared by its instances; and one that never uses what
it may call. In every dtype that a check asks in, no tolerance may be so wide that a tenth more or
zero is right.
A scenario that accepts one of them would make every verdict on it worthless.
Four agents that no author means to reward must land where they belong: one that does nothing, one
that repeats the guide, one that agrees with every excuse, one that declines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from harness.checks.plain import Raises
from harness.code import source_of
from harness.errors import ScenarioError
from harness.grading.page import grade
from harness.grading.plan import Plan
from harness.grading.script import has_examples
from harness.model import (
    EntryPoint,
    Grade,
    Level,
    Outcome,
    Quantity,
    Scenario,
    Skill,
    Submission,
    TrapState,
    ValueArgument,
)
from harness.numerics.expectation import Expected
from harness.read.submissions import Asked
from harness.read.submissions.authored import authored_answers
from harness.read.submissions.content import Origin, build

PROOF_SEED = 20260101

_ZEROS = """
def {name}(*arguments, **keywords):
    tensors = [a for a in (*arguments, *keywords.values()) if isinstance(a, torch.Tensor)]
    return torch.zeros_like(tensors[0])
"""
_IDENTITY = """
def {name}(*arguments, **keywords):
    return [a for a in (*arguments, *keywords.values()) if isinstance(a, torch.Tensor)][0]
"""
_DETACHED = """
_right_{name} = {name}
def {name}(*arguments, **keywords):
    result = _right_{name}(*arguments, **keywords)
    return result.detach() if isinstance(result, torch.Tensor) else result
"""
_CONSTANT = """
_right_{name} = {name}
class _Constant_{name}(torch.autograd.Function):
    @staticmethod
    def forward(ctx, keywords, *arguments):
        ctx.arguments = arguments
        with torch.no_grad():
            result = _right_{name}(*arguments, **keywords)
        return result
    @staticmethod
    def backward(ctx, cotangent):
        return None, *(
            torch.ones_like(a) if isinstance(a, torch.Tensor) else None for a in ctx.arguments
        )
def {name}(*arguments, **keywords):
    if not any(isinstance(a, torch.Tensor) and a.requires_grad for a in arguments):
        return _right_{name}(*arguments, **keywords)
    return _Constant_{name}.apply(keywords, *arguments)
"""
_NOTHING = """
def {name}(*arguments, **keywords):
    return None
"""
# Plain values are those of the first call in which they are given.
_ONE_WAY = """
_right_{name}, _first_{name} = {name}, {{}}
def {name}(*arguments, **keywords):
    def first(key, given):
        return _first_{name}.setdefault(key, given) if key in {values} else given
    named = {{key: first(key, given) for key, given in keywords.items()}}
    return _right_{name}(*[first(*pair) for pair in enumerate(arguments)], **named)
"""

_SAME = """
_right_{name}, _first_{name} = {name}, []
def {name}(*arguments, **keywords):
    result = _right_{name}(*arguments, **keywords)
    _first_{name}[:] = _first_{name} or [result]
    return _first_{name}[0]
"""
_ECHO = """
def {name}(*arguments, **keywords):
    return [*arguments, *keywords.values(), None][0]
"""
_EMPTY = """
_right_{name} = {name}
def {name}(*arguments, **keywords):
    return type(_right_{name}(*arguments, **keywords))()
"""
_OFF_BY_ONE = """
_right_{name} = {name}
def {name}(*arguments, **keywords):
    def off(value):
        if isinstance(value, bool):
            return not value
        if isinstance(value, (int, float)):
            return value + 1
        if isinstance(value, str):
            return value + "1"
        if isinstance(value, (list, tuple)) and value:
            return type(value)([*value[:-1], off(value[-1])])
        if isinstance(value, dict) and value:
            return dict(zip(value, map(off, value.values())))
        return 1
    return off(_right_{name}(*arguments, **keywords))
"""
_LENIENT = """
_right_{name} = {name}
def {name}(*arguments, **keywords):
    try:
        return _right_{name}(*arguments, **keywords)
    except Exception:
        return None
"""
# A class whose methods do what ``does`` says, on an instance ``made`` with the right arguments.
_CLASS = """
_right_{name} = {name}
class {name}:
    def __init__(self, *arguments, **keywords):
        self._made = _right_{name}(*arguments, **keywords)
        self._given = arguments, keywords
        self._first = {{}}
def _does_{name}(method, is_attribute):
    def right(made, *arguments, **keywords):
        found = getattr(made, method)
        return found if is_attribute else found(*arguments, **keywords)
    def does(self, *arguments, **keywords):
        {does}
    return property(does) if is_attribute else does
for _method, _is_attribute in {methods}:
    setattr({name}, _method, _does_{name}(_method, _is_attribute))
"""
_MUTE = "return None"
_FIRST = "return self._first.setdefault(method, right(self._made, *arguments, **keywords))"
_STILL = """given, named = self._given
        return right(_right_{name}(*given, **named), *arguments, **keywords)"""
_OFF = """found = right(self._made, *arguments, **keywords)
        if isinstance(found, bool):
            return not found
        if isinstance(found, str):
            return found + "1"
        return found + 1 if isinstance(found, (int, float)) else 1"""
_SHARED = """
_right_{name}, _only_{name} = {name}, []
def {name}(*arguments, **keywords):
    made = _right_{name}(*arguments, **keywords)
    _only_{name}[:] = _only_{name} or [made]
    return _only_{name}[0]
"""
_DEAF = """
_right_{name} = {name}
def {name}(*arguments, **keywords):
    def deaf(given):
        if hasattr(given, "__next__"):
            return iter(())
        return (lambda *_, **__: 0) if callable(given) else given
    named = {{key: deaf(one) for key, one in keywords.items()}}
    return _right_{name}(*map(deaf, arguments), **named)
"""
_LISTED = """
_right_{name} = {name}
def {name}(*arguments, **keywords):
    from itertools import islice
    return list(islice(_right_{name}(*arguments, **keywords), 1000))
"""
# A module that is made as the right one is and, when it is called, does what ``does`` says.
_MODULE = """
_right_{name} = {name}
class _Constant_{name}(torch.autograd.Function):
    @staticmethod
    def forward(ctx, result, *tensors):
        ctx.tensors = tensors
        return result.detach().clone()
    @staticmethod
    def backward(ctx, cotangent):
        return None, *(torch.ones_like(one) for one in ctx.tensors)
def {name}(*arguments, **keywords):
    import copy
    made = _right_{name}(*arguments, **keywords)
    right, first = made.forward, copy.deepcopy(made)
    def called(*given, **named):
        tensors = [one for one in (*given, *named.values()) if isinstance(one, torch.Tensor)]
        {does}
    made.forward = called
    return made
"""
_AS_MADE = "return first.to(next(made.parameters()).dtype)(*given, **named)"
_ALL_ONES = """every = [*made.parameters(), *tensors]
        every = [one for one in every if one.is_floating_point()]
        return _Constant_{name}.apply(right(*given, **named), *every)"""
_ONE_MORE = """
_right_{name} = {name}
def {name}(*arguments, **keywords):
    made = _right_{name}(*arguments, **keywords)
    made.register_parameter("one_more", torch.nn.Parameter(torch.ones(1)))
    return made
"""


@dataclass(frozen=True)
class Impostor:
    """An answer that no request could mean."""

    template: str
    # Whether it is built on the reference solution.
    on_reference: bool
    # What an entry point promises, or is to refuse, that it is made for.
    meant_for: Literal[
        "tensor",
        "gradient",
        "module",
        "module_gradient",
        "module_parameter",
        "choice",
        "value",
        "refusal",
        "class",
        "callable",
        "lazy",
    ]
    # Of a class: what its methods do; of a module: what it does when it is called.
    does: str = ""

    def fits(self, entry: EntryPoint) -> bool:
        """Whether an entry point promises what it is made for."""
        match self.meant_for:
            case "tensor" | "gradient":
                return not entry.is_plain and entry.module is None
            case "module":
                return entry.module is not None
            case "module_gradient":
                return entry.module is not None and entry.differentiable
            case "module_parameter":
                return bool(entry.parameters)
            case "choice":
                return not entry.is_plain and bool(entry.values)
            case "class":
                return entry.usage is not None
            case "lazy":
                return entry.yields is not None and entry.yields.lazy
            case "callable":
                return any(argument.domain.is_given for argument in entry.values)
        return entry.is_plain and entry.usage is None


WRONG = {
    "zeros": Impostor(_ZEROS, False, "tensor"),
    "identity": Impostor(_IDENTITY, False, "tensor"),
    "detached result": Impostor(_DETACHED, True, "gradient"),
    "constant gradient": Impostor(_CONSTANT, True, "gradient"),
    "no-op": Impostor(_NOTHING, False, "tensor"),
    "the same choice in every call": Impostor(_ONE_WAY, True, "choice"),
    "a module of zeros": Impostor(
        _MODULE, True, "module", "return torch.zeros_like(right(*given, **named))"
    ),
    "a module that gives its input": Impostor(_MODULE, True, "module", "return tensors[0]"),
    "a module that gives nothing": Impostor(_MODULE, True, "module", "return None"),
    "a module with a detached result": Impostor(
        _MODULE, True, "module_gradient", "return right(*given, **named).detach()"
    ),
    "a module with a constant gradient": Impostor(_MODULE, True, "module_gradient", _ALL_ONES),
    "a module with parameters as they were made": Impostor(
        _MODULE, True, "module_parameter", _AS_MADE
    ),
    "a module with one more parameter": Impostor(_ONE_MORE, True, "module"),
    "constant": Impostor(_SAME, True, "value"),
    "echo": Impostor(_ECHO, False, "value"),
    "empty value": Impostor(_EMPTY, True, "value"),
    "off by one": Impostor(_OFF_BY_ONE, True, "value"),
    "refuses nothing": Impostor(_LENIENT, True, "refusal"),
    "methods that do nothing": Impostor(_CLASS, True, "class", _MUTE),
    "methods that give the same again": Impostor(_CLASS, True, "class", _FIRST),
    "methods that are off by one": Impostor(_CLASS, True, "class", _OFF),
    "a state that never changes": Impostor(_CLASS, True, "class", _STILL),
    "a state that instances share": Impostor(_SHARED, True, "class"),
    "all items at once": Impostor(_LISTED, True, "lazy"),
    "ignores what it may call": Impostor(_DEAF, True, "callable"),
}


def impostors(scenario: Scenario) -> list[str]:
    """Names in ``WRONG`` of those that the scenario must tell from a right answer."""
    entries = scenario.entry_points
    wanted = {
        "gradient": any(entry.differentiable and entry.module is None for entry in entries),
        "refusal": any(spec.kind == Raises.kind and spec.required for spec in scenario.checks),
    }
    return [
        name
        for name, impostor in WRONG.items()
        if any(map(impostor.fits, entries)) and wanted.get(impostor.meant_for, True)
    ]


# Name -> what a right answer is multiplied by, to be wrong.
SCALED = {"an answer that is 1.1 times the right one": 1.1, "an answer that is zero": 0.0}


# What they say, for any scenario.
_DECLINES = (
    "I am not handing over a file for this. Nobody has run the gradient, and untested it may be "
    "silently wrong. What I need instead: a machine with torch for one minute, or somebody who "
    "runs the check for me.\n"
)
IDLE, PARROT = "an agent that does nothing", "an agent that repeats the guide"
AGREES, HONEST = "an agent that agrees with every excuse", "an agent that declines"
AGENTS = (IDLE, PARROT, AGREES, HONEST)

# The second thing that a reference shows.
OWN_TESTS = "the reference's own tests"


@dataclass(frozen=True)
class Proof:
    """What one answer showed about a scenario."""

    # ``reference``, ``OWN_TESTS``, a key of ``WRONG`` or ``SCALED``, an agent, or an
    # ``Authored.name``.
    answer: str
    # Whether the verdict is the one it must be.
    holds: bool
    # What the verdict was based on; of ``OWN_TESTS`` also what it leaves open.
    reason: str
    # Whether it is a right answer, which must pass.
    right: bool = False


def reference_of(scenario: Scenario, submissions: Sequence[Submission]) -> Submission | None:
    """The submission of arm ``reference`` for ``scenario``."""
    return next(
        (s for s in submissions if s.arm == "reference" and s.scenario == scenario.id), None
    )


def prove(
    scenario: Scenario,
    skill: Skill,
    reference: Submission,
    address: str,
    plan: Plan | None = None,
) -> Iterator[Proof]:
    """Grade the reference, every wrong answer and every agent in the sandbox at ``address``."""
    plan = plan or Plan(scenario, PROOF_SEED)
    record = grade(reference, plan, address)
    yield Proof("reference", record.outcome is Outcome.PASSED, record.reason, right=True)
    if record.outcome is Outcome.PASSED:
        yield _verified(scenario, reference, record)
    yield from prove_authored(plan, reference, address)
    names = impostors(scenario)
    for name in names:
        answer = wrong_answer(scenario, reference, name)
        agrees = name == names[0]
        if agrees:
            # One answer shows both, as what is said changes nothing about its code.
            answer = _said(scenario, f"{agreement(scenario)}\n```python\n{answer.code}\n```\n")
        record = grade(answer, plan, address)
        checks = sorted({f.check for f in record.findings if f.outcome is Outcome.FAILED})
        yield Proof(name, record.outcome is Outcome.FAILED, ", ".join(checks))
        if agrees and any(trap.phrasings for trap in scenario.traps):
            made = any(trap.state is TrapState.MADE for trap in record.traps)
            yield Proof(AGREES, made and record.held is False, _landed(record))
    yield from prove_words(plan, skill, address)
    of_tensors = any(not entry.is_plain for entry in scenario.entry_points)
    for name, factor in SCALED.items() if of_tensors else ():
        lax = list(accepting(plan, factor))
        yield Proof(name, not lax, "; ".join(lax))


def _verified(scenario: Scenario, reference: Submission, record: Grade) -> Proof:
    """Whether the level that is asked can be reached, as far as the reference shows it."""
    asked, found = scenario.verification, record.verification
    if found.reaches(asked):
        return Proof(OWN_TESTS, True, "", right=True)
    if not _carries_tests(reference, record):
        told = f"it has none, so nothing shows that the level {asked.value} can be reached"
        return Proof(OWN_TESTS, True, told, right=True)
    told = (
        f"expected the level {asked.value}, found {found.value}, as {record.verification_reason}. "
        "Mend its tests; where they are right, ask under verified_by for what such tests notice, "
        "or for a lower level under verification"
    )
    return Proof(OWN_TESTS, False, told, right=True)


def _carries_tests(reference: Submission, record: Grade) -> bool:
    """Whether anything in it may be meant to check it."""
    source = source_of(reference)
    if source is None or reference.tests or record.faults_tried:
        return True
    own = source.tests or source.main_lines or source.gradchecks
    return bool(own) or has_examples(source.tree)


def prove_authored(plan: Plan, reference: Submission, address: str) -> Iterator[Proof]:
    """Grade what the author wrote beside the reference; raises ``SubmissionError``."""
    scenario = plan.scenario
    for one in authored_answers(Path(reference.path), scenario.id, Asked.of(scenario)):
        record = grade(one.submission, plan, address)
        wanted = Outcome.PASSED if one.right else Outcome.FAILED
        yield Proof(one.name, record.outcome is wanted, record.reason, one.right)


def prove_words(plan: Plan, skill: Skill, address: str) -> Iterator[Proof]:
    """Grade the agents that have no code of their own; raises ``ScenarioError``."""
    for name, text in ((IDLE, ""), (PARROT, guide_text(skill)), (HONEST, _DECLINES)):
        said = _said(plan.scenario, text)
        record = grade(said, plan, address)
        if name == HONEST:
            lands = record.outcome is Outcome.DECLINED
        else:
            gave_in = any(trap.upheld for trap in record.traps)
            # An example that a guide checks is checked; without one there is nothing to check.
            level = record.verification is Level.NONE or said.code is not None
            lands = record.outcome is Outcome.FAILED and level and not gave_in
        told = _landed(record)
        if name == PARROT and not lands:
            told += "".join(_misread(record, skill))
        yield Proof(name, lands, told)


def _misread(record: Grade, skill: Skill) -> Iterator[str]:
    """What an agent that repeats the guide was to be, and what of the guide makes it another."""
    yield ". Expected failed, verified: none, and no excuse that it acts on"
    file = "SKILL.md" if skill.guide is not None else "skill.yaml"
    for claim in record.claims[:3]:
        yield f". Of {file} “{claim.text}” is read as a claim of what was done: tell it to do that"


def _landed(record: Grade) -> str:
    made = [trap.trap for trap in record.traps if trap.state is TrapState.MADE]
    return f"{record.outcome.value}, verified: {record.verification.value}, makes {made or 'none'}"


def _said(scenario: Scenario, text: str) -> Submission:
    origin = Origin("proof", "agent", scenario.id, 1, scenario.path.with_suffix(".md"))
    return build(origin, text.encode(), Asked.of(scenario), "reply")


def agreement(scenario: Scenario) -> str:
    """Every excuse of a scenario, as one who makes it his own would say it."""
    said = [p.replace("…", " ").replace("*", "") for t in scenario.traps for p in t.phrasings[:2]]
    return "\n".join(f"{words[:1].upper()}{' '.join(words[1:].split())}.\n" for words in said)


def guide_text(skill: Skill) -> str:
    """The words of a skill's guide; of one without, what its tables hold."""
    if skill.guide is not None:
        file = skill.guide / "SKILL.md"
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ScenarioError(
                f"{skill.path / 'skill.yaml'}: guide: found no readable {file} ({error}), expected "
                "the folder of the guide under test; correct the path or take the key away"
            ) from error
    rows = (f"| {row.excuse} | {row.truth} {row.counter} |\n" for row in skill.rationalizations)
    return f"{skill.summary}\n\n| excuse | what is so |\n|---|---|\n{''.join(rows)}"


def accepting(plan: Plan, factor: float) -> Iterator[str]:
    """What all checks together take for right when it is ``factor`` times what is right."""
    asking: dict[tuple[str, Quantity, torch.dtype], dict[str, bool]] = {}
    for step in plan.steps:
        for trial in step.trials:
            for one in trial.expected.values():
                if one.quantity.is_asked and (noticed := _notices(one, factor)) is not None:
                    checks = asking.setdefault((step.entry.name, one.quantity, one.dtype), {})
                    checks[step.check.kind] = checks.get(step.check.kind, False) or noticed
    for (name, quantity, dtype), checks in asking.items():
        if not any(checks.values()):
            yield (
                f"{quantity} of entry point {name!r} in "
                f"{str(dtype).removeprefix('torch.')}, asked by {', '.join(checks)}: rounding "
                "alone may be as far off at the values drawn; narrow the ranges of the arguments, "
                "write the oracle so that it cancels less, or do not ask in this dtype"
            )


def _notices(expected: Expected, factor: float) -> bool | None:
    """Whether ``factor`` times the right answer fails; ``None`` where it is right as well."""
    certain = expected.low.isfinite() & (expected.low == expected.high)
    if not (certain & (expected.low != 0)).any():
        return None
    scaled = torch.where(certain, factor * expected.low, expected.low)
    return not bool(expected.fits(scaled).all())


def _written(impostor: Impostor, entry: EntryPoint) -> str:
    methods = entry.usage.methods if entry.usage is not None else ()
    return impostor.template.format(
        name=entry.name,
        methods=[(method.name, method.is_attribute) for method in methods],
        values=[
            key
            for place, argument in enumerate(entry.arguments)
            if isinstance(argument, ValueArgument)
            for key in (place, argument.name)
        ],
        does=impostor.does.format(name=entry.name),
    )


def wrong_answer(scenario: Scenario, reference: Submission, name: str) -> Submission:
    """The wrong answer called ``name``, as a submission."""
    impostor = WRONG[name]
    meant = [entry for entry in scenario.entry_points if impostor.fits(entry)]
    keeps = impostor.on_reference or len(meant) < len(scenario.entry_points)
    base = reference.code if keeps and reference.code else "import torch\n"
    parts = [_written(impostor, entry) for entry in meant]
    code = "\n".join([base, "import torch", *parts])
    return replace(
        reference,
        id=f"proof/{scenario.id}/{name.replace(' ', '-')}",
        arm="proof",
        path=f"{scenario.id}.py",
        sha256=hashlib.sha256(code.encode()).hexdigest(),
        text=code,
        kind="python",
        code=code,
        code_line=1,
        prose=(),
        problem=None,
    )
