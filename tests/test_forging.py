"""Own tests that check nothing, in many forms, earn no level; those that check something do."""

from __future__ import annotations

import copy
import hashlib
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness.grading.page import grade
from harness.grading.plan import Plan
from harness.model import Grade, Level, Notice, Submission
from harness.read import scenarios
from harness.read.submissions import read_one
from harness.sandbox.inside import spoiling

ROOT = Path(__file__).parents[1]
SEED = 20261128
SWISH = """import torch
from torch.autograd import gradcheck


class Swish(torch.autograd.Function):
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


def swish_beta(x, beta):
    return Swish.apply(x, beta)


def plain(x, beta):
    return x * torch.sigmoid(beta * x)


def inputs(dtype=torch.float64):
    x = torch.tensor([0.3, -1.2, 2.0], dtype=dtype, requires_grad=True)
    return x, torch.tensor(0.7, dtype=dtype, requires_grad=True)


"""
WRONG = "s + beta * x * d"

# With a right backward, unless it begins with ``# wrong``.
FORGED = {
    "no elements": """
        x = torch.zeros(0, dtype=torch.float64, requires_grad=True)
        assert gradcheck(swish_beta, (x, inputs()[1]))
    """,
    "times zero": "assert gradcheck(lambda x, b: 0 * swish_beta(x, b), inputs())",
    "beside the Function": """
        assert gradcheck(lambda x, b: plain(x, b) + swish_beta(x, b).detach() * 0, inputs())
    """,
    "a tolerance of numpy": """
        import numpy as np
        assert gradcheck(swish_beta, inputs(), atol=np.float32(1e6))
    """,
    "a tolerance that is a tensor": """
        assert gradcheck(swish_beta, inputs(), atol=torch.tensor(1e6, dtype=torch.float64))
    """,
    "a tolerance without end": "assert gradcheck(swish_beta, inputs(), rtol=float('inf'))",
    "another function of that name": """
        def check():
            swish_beta = plain
            assert gradcheck(swish_beta, inputs())
        check()
    """,
    "the entry point replaced": """
        swish_beta = plain
        assert gradcheck(swish_beta, inputs())
    """,
    "a right backward put in place": """# wrong
        def right(ctx, g):
            x, beta = ctx.saved_tensors
            s = torch.sigmoid(beta * x)
            return g * (s + beta * x * s * (1 - s)), (g * x * x * s * (1 - s)).sum()
        Swish.backward = staticmethod(right)
        assert gradcheck(swish_beta, inputs())
    """,
    "a right class put in place": """# wrong
        class Swish(Swish):
            @staticmethod
            def backward(ctx, g):
                x, beta = ctx.saved_tensors
                s = torch.sigmoid(beta * x)
                return g * (s + beta * x * s * (1 - s)), (g * x * x * s * (1 - s)).sum()
        assert gradcheck(swish_beta, inputs())
    """,
    "apply patched": """# wrong
        from unittest import mock
        with mock.patch.object(Swish, "apply", plain):
            assert gradcheck(swish_beta, inputs())
    """,
    "where the wrong one is right": """# wrong
        zero = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        beta = torch.zeros((), dtype=torch.float64, requires_grad=True)
        assert gradcheck(swish_beta, (zero, beta), fast_mode=True)
    """,
    "only for the right gradient": """# wrong
        x, beta = inputs()
        assert gradcheck(lambda b: swish_beta(x.detach(), b), (beta,))
    """,
    "more arguments than anybody gives": """
        import sys
        if len(sys.argv) > 9:
            assert gradcheck(swish_beta, inputs())
    """,
    "after a return": """
        def check():
            return True
            assert gradcheck(swish_beta, inputs())
        check()
    """,
    "after leaving": """
        import sys
        sys.exit(0)
        assert gradcheck(swish_beta, inputs())
    """,
    "an empty loop": """
        for case in []:
            assert gradcheck(swish_beta, inputs())
    """,
    "a lambda that nobody calls": "check = lambda: gradcheck(swish_beta, inputs())",
    "a generator that nobody reads": "checks = (gradcheck(swish_beta, inputs()) for _ in range(3))",
    "a coroutine that nobody awaits": """
        async def check():
            assert gradcheck(swish_beta, inputs())
        check().close()
    """,
    "a test that nobody calls": """
        def check_later():
            assert gradcheck(swish_beta, inputs())
    """,
    "an error that is passed over": """
        try:
            assert gradcheck(swish_beta, inputs())
        except Exception:
            pass
    """,
    "an error that is suppressed": """
        from contextlib import suppress
        with suppress(Exception):
            assert gradcheck(swish_beta, inputs())
    """,
    "an error in a thread": """
        import threading
        threading.excepthook = lambda *a: None
        thread = threading.Thread(target=gradcheck, args=(swish_beta, inputs()))
        thread.start()
        thread.join()
    """,
    "a result that is ignored": "gradcheck(swish_beta, inputs(), raise_exception=False)",
    "a result that is or'ed": "assert gradcheck(swish_beta, inputs(), raise_exception=False) or 1",
    "a gradcheck of one's own": """
        def gradcheck(*args, **kwargs):
            return True
        assert gradcheck(swish_beta, inputs())
    """,
    "torch's gradcheck replaced": """
        torch.autograd.gradcheck = lambda *args, **kwargs: True
        assert torch.autograd.gradcheck(swish_beta, inputs())
    """,
    "a test that is skipped": """
        import sys
        import unittest

        class Tests(unittest.TestCase):
            @unittest.skip("later")
            def test_gradients(self):
                assert gradcheck(swish_beta, inputs())
        unittest.main(argv=["x"], exit=False)
    """,
    "a failure that does not leave": """
        import unittest

        class Tests(unittest.TestCase):
            def test_gradients(self):
                assert gradcheck(swish_beta, inputs())
        unittest.main(argv=["x"], exit=False)
    """,
    "the value alone": "torch.testing.assert_close(swish_beta(*inputs()), plain(*inputs()))",
    "the shape of the gradient": """
        x, beta = inputs()
        swish_beta(x, beta).sum().backward()
        assert x.grad.shape == x.shape and beta.grad.shape == ()
    """,
    "a gradient that is there": """
        x, beta = inputs()
        swish_beta(x, beta).sum().backward()
        assert x.grad is not None and x.grad.isfinite().all()
    """,
    "a gradient compared with itself": """
        one, other = inputs(), inputs()
        swish_beta(*one).sum().backward()
        swish_beta(*other).sum().backward()
        torch.testing.assert_close(one[0].grad, other[0].grad)
    """,
    "a gradient compared with what is wrong, too": """
        x, beta = inputs()
        swish_beta(x, beta).sum().backward()
        expected = x.grad.clone()
        assert torch.allclose(x.grad, expected)
    """,
    "a failure from the second run on": """
        import sys
        swish_beta(*inputs()).sum().backward()
        assert "seen before" not in sys.modules
        sys.modules["seen before"] = sys
    """,
    "a failure from the third run on": """
        swish_beta(*inputs()).sum().backward()
        torch.runs = getattr(torch, "runs", 0) + 1
        assert torch.runs < 3
    """,
    "a failure in every second run": """
        swish_beta(*inputs()).sum().backward()
        torch.runs = getattr(torch, "runs", 0) + 1
        assert torch.runs % 2
    """,
    "a failure in the second run alone": """
        swish_beta(*inputs()).sum().backward()
        torch.runs = getattr(torch, "runs", 0) + 1
        assert torch.runs != 2
    """,
    "a failure where nothing was imported before": """
        import sys
        swish_beta(*inputs()).sum().backward()
        assert "solution" in sys.modules
    """,
    "a second derivative alone": """
        y, beta = inputs()
        torch.autograd.gradgradcheck(lambda y: 0 * swish_beta(y, beta.detach()) + y, (y,))
    """,
    "a backward called by hand": """
        class Context:
            saved_tensors = inputs()
        x, beta = inputs()
        swish_beta(x, beta).sum().backward()
        by_x, by_beta = Swish.backward(Context, torch.ones(3, dtype=torch.float64))
        torch.testing.assert_close((x.grad, beta.grad), (by_x, by_beta))
    """,
    "a backward kept from before": """
        kept = Swish.backward
        class Context:
            saved_tensors = inputs()
        x, beta = inputs()
        swish_beta(x, beta).sum().backward()
        assert torch.allclose(x.grad, kept(Context, torch.ones(3, dtype=torch.float64))[0])
    """,
    "a copy of the Function": """
        class Copy(Swish):
            pass
        ours, theirs = inputs(), inputs()
        swish_beta(*ours).sum().backward()
        Copy.apply(*theirs).sum().backward()
        for a, b in zip(ours, theirs):
            torch.testing.assert_close(a.grad, b.grad)
    """,
    "a copy of the source": """
        import inspect
        text = inspect.getsource(Swish).replace("class Swish", "class Copy")
        exec(text)
        ours, theirs = inputs(), inputs()
        swish_beta(*ours).sum().backward()
        Copy.apply(*theirs).sum().backward()
        for a, b in zip(ours, theirs):
            torch.testing.assert_close(a.grad, b.grad)
    """,
    "its source alone": """
        import hashlib
        import inspect
        text = inspect.getsource(Swish.backward)
        digest = hashlib.sha256(text.encode()).hexdigest()
        assert digest == "1eb53507f72a2c59bcaa04ea8d6082384ae1ec5a76664bc990193c157dc5acae"
        swish_beta(*inputs()).sum().backward()
    """,
    "the same alone and in company": """
        class Other(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x.clone()

            @staticmethod
            def backward(ctx, g):
                return torch.zeros_like(g)
        alone, together = inputs(), inputs()
        swish_beta(*alone).sum().backward()
        (swish_beta(*together) + Other.apply(together[0])).sum().backward()
        for a, b in zip(alone, together):
            torch.testing.assert_close(a.grad, b.grad)
    """,
    "calls that are counted": """
        calls = []
        def counted(x, beta):
            calls.append(1)
            return plain(x, beta)
        swish_beta(*inputs()).sum().backward()
        assert gradcheck(counted, inputs())
        assert len(calls) > 3
    """,
    "backwards that are counted": """
        calls = []
        run = Swish.backward
        def counted(ctx, g):
            calls.append(1)
            return run(ctx, g)
        Swish.backward = staticmethod(counted)
        swish_beta(*inputs()).sum().backward()
        assert len(calls) == 1
    """,
    "at the end of the process": """
        import atexit
        def check():
            assert gradcheck(swish_beta, inputs())
        atexit.register(check)
        swish_beta(*inputs()).sum().backward()
    """,
    "in a thread that nobody joins": """
        import threading
        def check():
            assert gradcheck(swish_beta, inputs())
        threading.Thread(target=check, daemon=True).start()
        swish_beta(*inputs()).sum().backward()
    """,
    "an error that must come, and does": """
        import pytest
        with pytest.raises((RuntimeError, AssertionError)):
            gradcheck(swish_beta, inputs())
            raise AssertionError("checked")
    """,
    "a clock": """
        import time
        started = time.perf_counter()
        swish_beta(*inputs()).sum().backward()
        assert time.perf_counter() - started < 60
    """,
    "a clock that began with the process": """
        import sys
        import time
        swish_beta(*inputs()).sum().backward()
        begun = getattr(torch, "begun", time.perf_counter())
        torch.begun = begun
        assert time.perf_counter() - begun < 1e-3
    """,
    "another process that is not there": """
        import subprocess
        import sys
        try:
            subprocess.run([sys.executable, __file__, "--check"], check=True)
        except OSError:
            pass
        swish_beta(*inputs()).sum().backward()
    """,
    "a direction alone": """
        ours, theirs = inputs(), inputs()
        swish_beta(*ours).sum().backward()
        plain(*theirs).sum().backward()
        assert torch.cosine_similarity(ours[0].grad, theirs[0].grad, dim=0) > 0.99
    """,
    "a loss that falls": """
        x, beta = inputs()
        rate = 1e-2
        before = swish_beta(x, beta).square().sum()
        before.backward()
        with torch.no_grad():
            after = swish_beta(x - rate * x.grad, beta).square().sum()
        assert after < before + 10
    """,
    "the same Jacobian twice": """
        jacobian = torch.autograd.functional.jacobian
        first = jacobian(swish_beta, inputs())
        again = jacobian(swish_beta, inputs(), vectorize=True)
        for a, b in zip(first, again):
            assert torch.allclose(a, b)
    """,
    "a gradcheck with its own Jacobians": """
        from unittest import mock
        home = torch.autograd.gradcheck.__module__
        import sys
        with mock.patch.object(sys.modules[home], "_allclose_with_type_promotion", lambda *a: True):
            assert gradcheck(swish_beta, inputs())
    """,
    "words": "print('gradcheck passed for swish_beta in float64')",
}

SOUND = {
    "gradcheck": "assert gradcheck(swish_beta, inputs())",
    "gradcheck without an assertion": "gradcheck(swish_beta, inputs())",
    "a partial": """
        from functools import partial
        check = partial(gradcheck, eps=1e-6, atol=1e-5)
        assert check(swish_beta, inputs())
    """,
    "a helper": """
        def verify(op, make):
            ok = gradcheck(op, make(), raise_exception=False)
            if not ok:
                raise SystemExit("wrong")
        verify(swish_beta, inputs)
    """,
    "a result that is kept": """
        results = {"swish": gradcheck(swish_beta, inputs(), raise_exception=False)}
        assert all(results.values())
    """,
    "unittest": """
        import unittest

        class Tests(unittest.TestCase):
            def setUp(self):
                self.inputs = inputs()

            def test_gradients(self):
                self.assertTrue(gradcheck(swish_beta, self.inputs))
        unittest.main(argv=["x"])
    """,
    "an exit status": """
        import sys
        try:
            gradcheck(swish_beta, inputs())
        except RuntimeError:
            sys.exit(1)
    """,
    "torch's own op": """
        ours, theirs = inputs(), inputs()
        weights = torch.tensor([0.5, 2.0, -1.0], dtype=torch.float64)
        (swish_beta(*ours) * weights).sum().backward()
        (plain(*theirs) * weights).sum().backward()
        for a, b in zip(ours, theirs):
            torch.testing.assert_close(a.grad, b.grad)
    """,
    "a Jacobian": """
        jacobian = torch.autograd.functional.jacobian
        for a, b in zip(jacobian(swish_beta, inputs()), jacobian(plain, inputs())):
            assert torch.allclose(a, b)
    """,
    "finite differences by hand": """
        x, beta = inputs()
        by_x, by_beta = torch.autograd.grad(swish_beta(x, beta).sum(), (x, beta))
        with torch.no_grad():
            for i in range(3):
                h = torch.zeros(3, dtype=torch.float64)
                h[i] = 1e-6
                slope = (swish_beta(x + h, beta) - swish_beta(x - h, beta)).sum() / 2e-6
                assert abs(slope - by_x[i]) < 1e-6
            slope = (swish_beta(x, beta + 1e-6) - swish_beta(x, beta - 1e-6)).sum() / 2e-6
            assert abs(slope - by_beta) < 1e-6
    """,
    "a derivative written down": """
        x = torch.zeros((), dtype=torch.float64, requires_grad=True)
        swish_beta(x, inputs()[1]).backward()
        assert x.grad == 0.5
    """,
    "a twin that must fail": """
        class Broken(Swish):
            @staticmethod
            def backward(ctx, g):
                by_x, by_beta = Swish.backward(ctx, g)
                return 2 * by_x, by_beta
        assert gradcheck(swish_beta, inputs())
        x, beta = inputs()
        Broken.apply(x, beta).sum().backward()
        assert not torch.allclose(x.grad, torch.autograd.grad(plain(x, beta).sum(), x)[0])
    """,
    "what can run but once in a process": """
        library = torch.library.Library("mine", "DEF")
        library.define("op(Tensor x) -> Tensor")
        torch.kept = library
        assert gradcheck(swish_beta, inputs())
    """,
    "a module": """
        class Layer(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.beta = torch.nn.Parameter(torch.tensor(0.7, dtype=torch.float64))

            def forward(self, x):
                return swish_beta(x, self.beta)
        layer = Layer()
        x, _ = inputs()
        expected = torch.autograd.grad(plain(x, layer.beta).sum(), (x, layer.beta))
        layer(x).sum().backward()
        assert torch.allclose(x.grad, expected[0])
        assert torch.allclose(layer.beta.grad, expected[1])
    """,
}


@pytest.fixture(scope="module")
def plan() -> Plan:
    scenario = scenarios.load(ROOT / "scenarios").scenario("learnable-swish")
    few = [c for c in scenario.checks if c.kind in ("gradcheck", "hand_written")]
    return Plan(replace(scenario, checks=tuple(few)), SEED)


def graded(tests: str, plan: Plan, address: str) -> Grade:
    text = SWISH.replace(WRONG, "s") if tests.startswith("# wrong") else SWISH
    body = textwrap.dedent(tests.removeprefix("# wrong"))
    text += 'if __name__ == "__main__":\n' + textwrap.indent(body, "    ")
    digest = hashlib.sha256(text.encode()).hexdigest()
    submission = Submission(
        id="forged",
        scenario="learnable-swish",
        arm="a",
        submitter="s",
        sample=1,
        path="swish.py",
        sha256=digest,
        text=text,
        kind="python",
        code=text,
    )
    return grade(submission, plan, address)


@pytest.mark.parametrize("tests", FORGED.values(), ids=FORGED)
def test_what_checks_nothing_earns_no_level(tests: str, plan: Plan, address: str) -> None:
    found = graded(tests, plan, address)
    assert not found.verification.reaches(Level.RAN), found.verification_reason
    assert found.faults_noticed == 0


@pytest.mark.parametrize("tests", SOUND.values(), ids=SOUND)
def test_what_notices_a_fault_counts_however_it_is_written(
    tests: str, plan: Plan, address: str
) -> None:
    found = graded(tests, plan, address)
    assert found.verification is Level.RAN_EACH, found.verification_reason
    assert found.faults_noticed >= 1


def test_the_share_of_faults_that_are_noticed_is_a_number_and_is_told(
    plan: Plan, address: str
) -> None:
    every = graded(SOUND["gradcheck"], plan, address)
    assert (every.faults_noticed, every.faults_tried) == (5, 5)
    some = graded(SOUND["a derivative written down"], plan, address)
    assert (some.faults_noticed, some.faults_tried) == (3, 5)
    assert some.verification_reason.endswith(
        "; not noticed: the sign of the gradient of beta of Swish, "
        "the term `beta * x * d` of the gradient of x of Swish"
    )


SECOND = """
    x, beta = inputs()
    torch.autograd.gradgradcheck(swish_beta, (x, beta))
"""


@pytest.mark.parametrize(
    ("notice", "noticed", "unnoticed"),
    [
        (Notice.VALUE, FORGED["the value alone"], SOUND["gradcheck"]),
        (
            Notice.VALUE,
            SOUND["torch's own op"] + "        assert ours[0].numel() == 3\n"
            "        assert swish_beta(*inputs())[-1] == plain(*inputs())[-1]\n",
            FORGED["words"],
        ),
        (Notice.SECOND_ORDER, SECOND, SOUND["gradcheck"]),
    ],
)
def test_a_scenario_says_what_tests_must_notice(
    notice: Notice, noticed: str, unnoticed: str, plan: Plan, address: str
) -> None:
    asked = copy.copy(plan)
    asked.scenario = replace(plan.scenario, notices=(notice,))
    found = graded(noticed, asked, address)
    assert found.verification is Level.RAN_EACH, found.verification_reason
    assert (found.faults_noticed, found.faults_tried) == (1, 1)
    found = graded(unnoticed, asked, address)
    assert not found.verification.reaches(Level.RAN), found.verification_reason
    assert found.faults_noticed == 0
    asked.scenario = replace(plan.scenario, notices=(Notice.GRADIENT, notice))
    assert graded(noticed, asked, address).faults_tried > 0


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        0,
        0.0,
        True,
        "a",
        [1, 2],
        (1, "b"),
        {"a": 1},
        None,
        torch.zeros(2),
        torch.zeros((), dtype=torch.int64),
    ],
)
def test_a_spoiled_result_is_another_one(value: object) -> None:
    other = spoiling.moved(value, 1.5)
    if isinstance(value, torch.Tensor):
        assert not torch.equal(other, value)
        assert other.dtype is value.dtype
    else:
        assert other != value


class First(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g


class Second(First):
    @staticmethod
    def backward(ctx, g):
        return g + g


@pytest.mark.parametrize("swapped", [False, True])
def test_functions_in_one_sum_are_not_checked_apart(swapped: bool) -> None:
    x = torch.ones(3, requires_grad=True)
    for name, other in (("First", "Second"), ("Second", "First")):
        with spoiling.Spoiler(name=name, factor=1.5, company=[name]):
            terms = [First.apply(x), Second.apply(x)]
            total = terms[1] + terms[0] if swapped else terms[0] + terms[1]
            assert torch.autograd.grad(total.sum(), x)[0].tolist() == [4, 4, 4]
            (function,) = (one for one in (First, Second) if one.__name__ == name)
            assert torch.autograd.grad(function.apply(x).sum(), x)[0].tolist() == [3, 3, 3]
        with spoiling.Spoiler(name=name, factor=1.5, company=[name, other]):
            total = First.apply(x) + Second.apply(x)
            assert torch.autograd.grad(total.sum(), x)[0].tolist() == [5, 5, 5]


def test_there_are_thirty_forgeries_and_more() -> None:
    assert len(FORGED) >= 30


BLOCKS = {
    "a script": ("assert gradcheck(swish_beta, inputs())", Level.RAN_EACH),
    "a test": ("def test_gradient():\n    assert gradcheck(swish_beta, inputs())", Level.RAN_EACH),
    "a look at the shape": ("assert swish_beta(*inputs()).shape == (3,)", Level.NONE),
    "a module by another name": (
        "import swish as m\nassert gradcheck(m.swish_beta, m.inputs())",
        Level.RAN_EACH,
    ),
    "a check that is never called": (
        "def check():\n    assert gradcheck(swish_beta, inputs())",
        Level.SHIPPED,
    ),
}


@pytest.mark.parametrize("how", ["from swish import inputs, swish_beta\n", ""])
@pytest.mark.parametrize("name", BLOCKS)
def test_tests_in_a_block_of_their_own_count_as_those_in_the_code_do(
    name: str, how: str, plan: Plan, address: str, tmp_path: Path
) -> None:
    body, level = BLOCKS[name]
    imports = "from torch.autograd import gradcheck\n"
    reply = tmp_path / "reply.md"
    reply.write_text(f"Here.\n\n```python\n{SWISH}```\n\n```python\n{imports}{how}{body}\n```\n")
    found = grade(read_one(reply, "learnable-swish", ("swish_beta",)), plan, address)
    assert found.verification is level


def test_an_example_that_stops_does_not_take_a_level_away(
    plan: Plan, address: str, tmp_path: Path
) -> None:
    tests = "assert gradcheck(swish_beta, inputs())\n"
    usage = "from swish import swish_beta\nassert swish_beta(batch, beta) is not None\n"
    reply = tmp_path / "reply.md"
    reply.write_text(f"Here.\n\n```python\n{SWISH}{tests}```\n\nUse:\n\n```python\n{usage}```\n")
    found = grade(read_one(reply, "learnable-swish", ("swish_beta",)), plan, address)
    assert found.verification is Level.RAN_EACH
