"""Are own tests told apart: those that check nothing, those that check little, sound ones?

    python benchmarks/verified.py                 # every way of testing × every Function
    python benchmarks/verified.py --sample 60     # so many of them, drawn
    python benchmarks/verified.py --cost 10       # and what the faults cost

An answer is a right Function together with tests. Labels come from how the tests are built:
*sound* ones compare all gradients with the derivative, in double precision, where no gradient is
zero; *weak* ones look at magnitudes alone, so that a wrong sign passes; *vacuous* ones pass
whatever the backward is. Found out is *vacuous* where the level is below ``ran``, else *weak*
where a fault was not noticed that is not a term (a term may stand for nothing), else *sound*.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import statistics
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import torch

from harness.grading import own_tests
from harness.grading.page import AFTER_THE_SESSION, begun, examine, grade
from harness.grading.plan import Plan
from harness.model import Level, Spoil, Submission
from harness.read import scenarios
from harness.sandbox import Zygote, choose

ROOT = Path(__file__).parent.parent
SEED = 7
KINDS = ("vacuous", "weak", "sound")

HEAD = """import torch
from torch.autograd import gradcheck


"""
# Scenario and code; each ends with ``op``, ``plain`` and ``inputs()``.
SWISH_INPUTS = """
def swish_beta(x, beta):
    return Swish.apply(x, beta)


def plain(x, beta):
    return x * torch.sigmoid(beta * x)


def inputs(dtype=torch.float64):
    x = torch.tensor([0.3, -1.2, 2.0, -0.4], dtype=dtype, requires_grad=True)
    return x, torch.tensor(0.7, dtype=dtype, requires_grad=True)


op = swish_beta
"""
NORM_INPUTS = """
def plain(x):
    return torch.nn.functional.layer_norm(x, x.shape[-1:])


def inputs(dtype=torch.float64):
    x = torch.tensor([[0.3, -1.2, 2.0], [1.5, 0.1, -0.8]], dtype=dtype)
    return (x.requires_grad_(),)


op = layer_norm
"""
RELU_INPUTS = """
def memory_relu(x):
    return Relu.apply(x)


def plain(x):
    return torch.relu(x)


def inputs(dtype=torch.float64):
    return (torch.tensor([0.3, -1.2, 2.0, 0.9], dtype=dtype, requires_grad=True),)


op = memory_relu
"""
FUNCTIONS = {
    "swish": (
        "learnable-swish",
        """class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        d = s * (1 - s)
        return g * (s + beta * x * d), (g * x * x * d).sum()

"""
        + SWISH_INPUTS,
    ),
    "swish with setup_context": (
        "learnable-swish",
        """class Swish(torch.autograd.Function):
    @staticmethod
    def forward(x, beta):
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        x, beta = ctx.saved_tensors
        sig = torch.sigmoid(beta * x)
        grad_x = grad_beta = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_output * sig + grad_output * beta * x * sig * (1 - sig)
        if ctx.needs_input_grad[1]:
            grad_beta = torch.sum(grad_output * x.pow(2) * sig * (1 - sig))
        return grad_x, grad_beta

"""
        + SWISH_INPUTS,
    ),
    "swish from a base": (
        "learnable-swish",
        """class Base(torch.autograd.Function):
    @classmethod
    def slope(cls, x, beta):
        s = torch.sigmoid(beta * x)
        return s, s - s * s


class Swish(Base):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x / (1 + torch.exp(-beta * x))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s, d = Base.slope(x, beta)
        by_x = beta * x * d
        by_x += s
        return g * by_x, torch.dot(g.flatten(), (x * x * d).flatten()).reshape(beta.shape)

"""
        + SWISH_INPUTS,
    ),
    "layer norm": (
        "layer-norm",
        """class Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        mean = x.mean(-1, keepdim=True)
        rstd = torch.rsqrt(x.var(-1, unbiased=False, keepdim=True) + eps)
        y = (x - mean) * rstd
        ctx.save_for_backward(y, rstd)
        return y

    @staticmethod
    def backward(ctx, g):
        y, rstd = ctx.saved_tensors
        inner = g - g.mean(-1, keepdim=True) - y * (g * y).mean(-1, keepdim=True)
        return inner * rstd, None


def layer_norm(x, eps=1e-5):
    return Norm.apply(x, eps)

"""
        + NORM_INPUTS,
    ),
    "layer norm, other formula": (
        "layer-norm",
        """class LayerNormFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        centred = x - x.mean(dim=-1, keepdim=True)
        std = torch.sqrt(centred.pow(2).mean(dim=-1, keepdim=True) + eps)
        ctx.save_for_backward(centred, std)
        return centred / std

    @staticmethod
    def backward(ctx, grad_output):
        centred, std = ctx.saved_tensors
        n = centred.shape[-1]
        xhat = centred / std
        total = grad_output.sum(-1, keepdim=True)
        dot = (grad_output * xhat).sum(-1, keepdim=True)
        grad_x = (n * grad_output - total - xhat * dot) / (n * std)
        return grad_x, None


def layer_norm(x, eps=1e-5):
    return LayerNormFunction.apply(x, eps)

"""
        + NORM_INPUTS,
    ),
    "relu": (
        "memory-relu",
        """class Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x > 0)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, g):
        (mask,) = ctx.saved_tensors
        return g * mask

"""
        + RELU_INPUTS,
    ),
    "relu by its result": (
        "memory-relu",
        """def _backward(ctx, g):
    (y,) = ctx.saved_tensors
    return torch.where(y > 0, g, torch.zeros_like(g))


class Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.relu(x)
        ctx.save_for_backward(y)
        return y

    backward = staticmethod(_backward)

"""
        + RELU_INPUTS,
    ),
}

GRADS = """
def grads(f, point):
    out = f(*point)
    weights = torch.linspace(0.5, 2, out.numel(), dtype=out.dtype).reshape(out.shape)
    return torch.autograd.grad((out * weights).sum(), point)
"""
# What stands at module level, and what is run under the main guard.
WAYS: dict[str, tuple[str, str, str]] = {
    "assert gradcheck": ("sound", "", "assert gradcheck(op, inputs())"),
    "bare gradcheck": ("sound", "", "gradcheck(op, inputs(), eps=1e-6, atol=1e-6)\nprint('ok')"),
    "a partial": (
        "sound",
        "from functools import partial\ncheck = partial(gradcheck, atol=1e-5)\n",
        "assert check(op, inputs())",
    ),
    "by its long name": ("sound", "", "assert torch.autograd.gradcheck(op, inputs())"),
    "a helper": (
        "sound",
        "def verify(f, make):\n    if not gradcheck(f, make(), raise_exception=False):\n"
        "        raise SystemExit('wrong')\n",
        "verify(op, inputs)",
    ),
    "results collected": (
        "sound",
        "",
        "results = [gradcheck(op, inputs(), raise_exception=False) for _ in range(2)]\n"
        "assert all(results), results",
    ),
    "an exit status": (
        "sound",
        "import sys\n",
        "ok = gradcheck(op, inputs(), raise_exception=False)\nprint(ok)\nsys.exit(0 if ok else 1)",
    ),
    "a test function": ("sound", "def test_gradients():\n    assert gradcheck(op, inputs())\n", ""),
    "a test function and its call": (
        "sound",
        "def test_gradients():\n    assert gradcheck(op, inputs())\n",
        "test_gradients()",
    ),
    "a fixture": (
        "sound",
        "import pytest\n@pytest.fixture\ndef point():\n    return inputs()\n"
        "def test_gradients(point):\n    assert gradcheck(op, point)\n",
        "",
    ),
    "a parametrized test": (
        "sound",
        "import pytest\n@pytest.mark.parametrize('scale', [0.5, 1.5])\n"
        "def test_gradients(scale):\n"
        "    assert gradcheck(lambda *point: op(*point) * scale, inputs())\n",
        "",
    ),
    "a test class": (
        "sound",
        "class TestOp:\n    def setup_method(self):\n        self.point = inputs()\n"
        "    def test_gradients(self):\n        assert gradcheck(op, self.point)\n",
        "",
    ),
    "pytest from the file": (
        "sound",
        "import sys\nimport pytest\ndef test_gradients():\n    assert gradcheck(op, inputs())\n",
        "sys.exit(pytest.main([__file__, '-q']))",
    ),
    "unittest": (
        "sound",
        "import unittest\nclass Gradients(unittest.TestCase):\n    def test_op(self):\n"
        "        self.assertTrue(gradcheck(op, inputs()))\n",
        "unittest.main()",
    ),
    "unittest that nobody starts": (
        "sound",
        "import unittest\nclass Gradients(unittest.TestCase):\n    def setUp(self):\n"
        "        self.point = inputs()\n    def test_op(self):\n"
        "        self.assertTrue(gradcheck(op, self.point))\n",
        "",
    ),
    "hypothesis": (
        "sound",
        "from hypothesis import given, settings, strategies as st\n"
        "@settings(max_examples=3)\n@given(st.floats(0.5, 2))\ndef test_gradients(scale):\n"
        "    assert gradcheck(lambda *point: op(*point) * scale, inputs())\n",
        "",
    ),
    "Jacobians": (
        "sound",
        "",
        "jacobian = torch.autograd.functional.jacobian\n"
        "for a, b in zip(jacobian(op, inputs()), jacobian(plain, inputs())):\n"
        "    torch.testing.assert_close(a, b)",
    ),
    "torch's own gradients": (
        "sound",
        GRADS,
        "for a, b in zip(grads(op, inputs()), grads(plain, inputs())):\n"
        "    assert torch.allclose(a, b, rtol=1e-6)",
    ),
    "finite differences by hand": (
        "sound",
        GRADS,
        "point = inputs()\nours = grads(op, point)\n"
        "for place, x in enumerate(point):\n"
        "    for i in range(x.numel()):\n"
        "        h = torch.zeros_like(x).reshape(-1)\n"
        "        h[i] = 1e-6\n"
        "        sums = []\n"
        "        for sign in (1, -1):\n"
        "            moved = [p.detach() for p in point]\n"
        "            moved[place] = moved[place] + sign * h.reshape(x.shape)\n"
        "            out = op(*moved)\n"
        "            w = torch.linspace(0.5, 2, out.numel(), dtype=out.dtype).reshape(out.shape)\n"
        "            sums.append((out * w).sum().item())\n"
        "        slope = (sums[0] - sums[1]) / 2e-6\n"
        "        assert abs(slope - ours[place].reshape(-1)[i].item()) < 1e-5",
    ),
    "magnitudes": (
        "weak",
        GRADS,
        "for a, b in zip(grads(op, inputs()), grads(plain, inputs())):\n"
        "    assert torch.allclose(a.abs(), b.abs())",
    ),
    "norms": (
        "weak",
        GRADS,
        "for a, b in zip(grads(op, inputs()), grads(plain, inputs())):\n"
        "    torch.testing.assert_close(a.norm(), b.norm())",
    ),
    "squares in a test": (
        "weak",
        f"{GRADS}\ndef test_squares():\n"
        "    for a, b in zip(grads(op, inputs()), grads(plain, inputs())):\n"
        "        assert (a * a - b * b).abs().max() < 1e-9\n",
        "",
    ),
    "the largest magnitude": (
        "weak",
        f"import pytest\n{GRADS}\ndef test_largest():\n"
        "    for a, b in zip(grads(op, inputs()), grads(plain, inputs())):\n"
        "        assert a.abs().max().item() == pytest.approx(b.abs().max().item())\n",
        "",
    ),
    "gradcheck of torch's own": ("vacuous", "", "assert gradcheck(plain, inputs())"),
    "nothing of the Function left": (
        "vacuous",
        "",
        "assert gradcheck(lambda *p: op(*p).detach() * 0 + plain(*p), inputs())",
    ),
    "times zero": ("vacuous", "", "assert gradcheck(lambda *p: 0 * op(*p), inputs())"),
    "a tolerance without end": (
        "vacuous",
        "",
        "assert gradcheck(op, inputs(), atol=1e6, rtol=1e6)",
    ),
    "an error passed over": (
        "vacuous",
        "",
        "try:\n    assert gradcheck(op, inputs())\nexcept Exception as error:\n    print(error)",
    ),
    "a result ignored": (
        "vacuous",
        "",
        "ok = gradcheck(op, inputs(), raise_exception=False)\nprint('gradcheck:', ok)",
    ),
    "the shape": (
        "vacuous",
        GRADS,
        "for a, b in zip(grads(op, inputs()), inputs()):\n    assert a.shape == b.shape",
    ),
    "finite": (
        "vacuous",
        GRADS,
        "for a in grads(op, inputs()):\n    assert torch.isfinite(a).all()",
    ),
    "itself": (
        "vacuous",
        GRADS,
        "for a, b in zip(grads(op, inputs()), grads(op, inputs())):\n    assert torch.equal(a, b)",
    ),
    "the value alone": (
        "vacuous",
        "",
        "torch.testing.assert_close(op(*inputs()), plain(*inputs()), atol=1e-5, rtol=1e-5)\n"
        "op(*inputs()).sum().backward()",
    ),
    "skipped": (
        "vacuous",
        "import pytest\n@pytest.mark.skip(reason='slow')\ndef test_gradients():\n"
        "    assert gradcheck(op, inputs())\n",
        "",
    ),
    "expected to fail": (
        "vacuous",
        "import pytest\n@pytest.mark.xfail\ndef test_gradients():\n"
        "    assert gradcheck(op, inputs())\n",
        "",
    ),
    "arguments that nobody gives": (
        "vacuous",
        "import sys\n",
        "if '--check' in sys.argv:\n    assert gradcheck(op, inputs())",
    ),
    "a status that nobody reads": (
        "vacuous",
        "import unittest\nclass Gradients(unittest.TestCase):\n    def test_op(self):\n"
        "        self.assertTrue(gradcheck(op, inputs()))\n",
        "unittest.main(exit=False)",
    ),
    "words": ("vacuous", "", "print('gradcheck passed: True')"),
}


@dataclass(frozen=True)
class Answer:
    """A right Function with tests of a known kind."""

    name: str
    label: str
    submission: Submission


def answers() -> Iterator[Answer]:
    """Every way of testing with every Function."""
    for name, (scenario, code) in FUNCTIONS.items():
        for way, (label, tests, main) in WAYS.items():
            text = f"{HEAD}{code}\n{tests}\n"
            if main:
                text += f'if __name__ == "__main__":\n{textwrap.indent(main, "    ")}\n'
            digest = hashlib.sha256(text.encode()).hexdigest()
            identity = ("verified", scenario, "a", "s", 1, "answer.py", digest)
            yield Answer(f"{name}: {way}", label, Submission(*identity, text, "python", code=text))


def found_out(submission: Submission, plan: Plan, address: str) -> str:
    """What the grade says of its tests, as one of ``KINDS``; with the reason."""
    work = begun(submission, plan, address)
    for step in (examine, *AFTER_THE_SESSION):
        work = step(work)
    assert work.verification is not None
    if not work.verification.level.reaches(Level.RAN):
        return "vacuous"
    assert work.own_tests is not None
    faults = [one for one in work.own_tests.spoilings if one.kind is not Spoil.TERM]
    return "sound" if all(one.noticed for one in faults) else "weak"


def cost(chosen: list[Answer], plans: dict[str, Plan], address: str) -> None:
    """Print how much longer a whole grade takes with the faults than without."""
    ratios = []
    for answer in chosen:
        plan = plans[answer.submission.scenario]
        grade(answer.submission, plan, address)
        spent = []
        for spoiling in (False, True):
            times = []
            for _ in range(3):
                started = time.perf_counter()
                if spoiling:
                    grade(answer.submission, plan, address)
                else:
                    with mock.patch.object(own_tests, "_spoilings", return_value=()):
                        grade(answer.submission, plan, address)
                times.append(time.perf_counter() - started)
            spent.append(min(times))
        ratios.append(spent[1] / spent[0])
        print(f"{ratios[-1]:5.2f}  {spent[0]:.2f} s  {answer.name}")
    print(
        f"whole grade with faults, of one without: median {statistics.median(ratios):.2f}, "
        f"from {min(ratios):.2f} to {max(ratios):.2f} (n = {len(ratios)})"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", type=int, metavar="N", help="look at so many, drawn")
    parser.add_argument("--cost", type=int, default=0, metavar="N", help="time so many grades")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of what is drawn ({SEED})")
    given = parser.parse_args()
    torch.set_num_threads(1)
    every = list(answers())
    chosen = every
    if given.sample is not None:
        chosen = random.Random(given.seed).sample(every, min(given.sample, len(every)))
    library = scenarios.load(ROOT / "scenarios")
    names = {answer.submission.scenario for answer in every}
    whole = {name: Plan(library.scenario(name), given.seed) for name in names}
    few = {}
    for name in names:
        scenario = library.scenario(name)
        kept = tuple(c for c in scenario.checks if c.kind in ("gradcheck", "hand_written"))
        few[name] = Plan(replace(scenario, checks=kept), given.seed)
    table: Counter[tuple[str, str]] = Counter()
    wrong = []
    with Zygote(choose()) as zygote:
        for answer in chosen:
            plan = few[answer.submission.scenario]
            found = found_out(answer.submission, plan, zygote.address)
            table[answer.label, found] += 1
            if found != answer.label:
                wrong.append(f"{answer.name}: is {answer.label}, found {found}")
        print(f"{'is':10s}" + "".join(f"{'found ' + kind:>15s}" for kind in KINDS) + f"{'n':>6s}")
        for label in KINDS:
            row = [table[label, kind] for kind in KINDS]
            print(f"{label:10s}" + "".join(f"{count:15d}" for count in row) + f"{sum(row):6d}")
        right = sum(table[kind, kind] for kind in KINDS)
        print(f"told apart: {right} of {len(chosen)} ({100 * right / max(len(chosen), 1):.1f} %)")
        print("\n".join(wrong))
        if given.cost:
            cost(random.Random(given.seed).sample(every, given.cost), whole, zygote.address)
    return 0


if __name__ == "__main__":
    sys.exit(main())
