"""Proves that a scenario can tell right from wrong.

Its reference solution must pass, and answers that no request could mean must
fail: zeros, the input itself, a detached result, a constant gradient, nothing. In every dtype
that a check asks in, no tolerance may be so wide that a tenth more or zero is right.
A scenario that accepts one of them would make every verdict on it worthless.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from harness.grading.page import grade
from harness.grading.plan import Plan
from harness.model import Outcome, Quantity, Scenario, Submission
from harness.numerics.expectation import Expected

PROOF_SEED = 20260101

_ZEROS = """
def {name}(*arguments):
    return torch.zeros_like(arguments[0])
"""
_IDENTITY = """
def {name}(*arguments):
    return arguments[0]
"""
_DETACHED = """
_right_{name} = {name}
def {name}(*arguments):
    result = _right_{name}(*arguments)
    return result.detach() if isinstance(result, torch.Tensor) else result
"""
_CONSTANT = """
_right_{name} = {name}
class _Constant_{name}(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *arguments):
        ctx.arguments = arguments
        with torch.no_grad():
            result = _right_{name}(*arguments)
        return result
    @staticmethod
    def backward(ctx, cotangent):
        return tuple(
            torch.ones_like(a) if isinstance(a, torch.Tensor) else None for a in ctx.arguments
        )
def {name}(*arguments):
    if not any(isinstance(a, torch.Tensor) and a.requires_grad for a in arguments):
        return _right_{name}(*arguments)
    return _Constant_{name}.apply(*arguments)
"""
_NOTHING = """
def {name}(*arguments):
    return None
"""

# Name -> (template, whether it is built on the reference solution).
WRONG = {
    "zeros": (_ZEROS, False),
    "identity": (_IDENTITY, False),
    "detached result": (_DETACHED, True),
    "constant gradient": (_CONSTANT, True),
    "no-op": (_NOTHING, False),
}


# Name -> what a right answer is multiplied by, to be wrong.
SCALED = {"an answer that is 1.1 times the right one": 1.1, "an answer that is zero": 0.0}


@dataclass(frozen=True)
class Proof:
    """What one answer showed about a scenario."""

    # ``reference`` or a key of ``WRONG`` or ``SCALED``.
    answer: str
    # Whether the verdict is the one it must be.
    holds: bool
    # What the verdict was based on.
    reason: str


def reference_of(scenario: Scenario, submissions: Sequence[Submission]) -> Submission | None:
    """The submission of arm ``reference`` for ``scenario``."""
    return next(
        (s for s in submissions if s.arm == "reference" and s.scenario == scenario.id), None
    )


def prove(scenario: Scenario, reference: Submission, address: str) -> Iterator[Proof]:
    """Grade the reference and every wrong answer in the sandbox at ``address``."""
    plan = Plan(scenario, PROOF_SEED)
    record = grade(reference, plan, address)
    yield Proof("reference", record.outcome is Outcome.PASSED, record.reason)
    for name in WRONG:
        record = grade(wrong_answer(scenario, reference, name), plan, address)
        checks = sorted({f.check for f in record.findings if f.outcome is Outcome.FAILED})
        yield Proof(name, record.outcome is Outcome.FAILED, ", ".join(checks))
    for name, factor in SCALED.items():
        lax = list(accepting(plan, factor))
        yield Proof(name, not lax, "; ".join(lax))


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


def wrong_answer(scenario: Scenario, reference: Submission, name: str) -> Submission:
    """The wrong answer called ``name``, as a submission."""
    template, needs_reference = WRONG[name]
    base = reference.code if needs_reference and reference.code else "import torch\n"
    parts = [template.format(name=entry.name) for entry in scenario.entry_points]
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
