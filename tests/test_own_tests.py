"""Own tests are run however they are written: pytest, unittest, hypothesis, files of their own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from test_forging import SEED, SWISH, WRONG

from harness.code import analyse
from harness.code.terms import without_terms
from harness.grading import own_tests
from harness.grading.page import begun, examine, grade
from harness.grading.plan import Plan
from harness.grading.script import scripts
from harness.model import Grade, Level, Outcome, OwnTests, Spoil, Submission, TestFile
from harness.read import scenarios

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def plan() -> Plan:
    scenario = scenarios.load(ROOT / "scenarios").scenario("learnable-swish")
    few = [c for c in scenario.checks if c.kind in ("gradcheck", "hand_written")]
    return Plan(replace(scenario, checks=tuple(few)), SEED)


def submission(tests: str, files: tuple[TestFile, ...] = ()) -> Submission:
    text = SWISH + textwrap.dedent(tests)
    return Submission(
        id="own",
        scenario="learnable-swish",
        arm="a",
        submitter="s",
        sample=1,
        path="swish.py",
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        text=text,
        kind="python",
        code=text,
        tests=files,
    )


def graded(tests: str, plan: Plan, address: str) -> Grade:
    return grade(submission(tests), plan, address)


SOUND = {
    "a fixture": """
        import pytest

        @pytest.fixture
        def point():
            return inputs()

        def test_gradients(point):
            assert gradcheck(swish_beta, point)
    """,
    "parametrized": """
        import pytest

        @pytest.mark.parametrize("dtype", [torch.float64])
        @pytest.mark.parametrize("scale", [0.5, 2.0], ids=["small", "large"])
        def test_gradients(dtype, scale):
            x, beta = inputs(dtype)
            x = (x.detach() * scale).requires_grad_()
            assert gradcheck(swish_beta, (x, beta))
    """,
    "a class with a set-up": """
        import pytest

        class TestSwish:
            def setup_method(self):
                self.point = inputs()

            def teardown_method(self):
                del self.point

            @pytest.mark.slow
            def test_gradients(self):
                assert gradcheck(swish_beta, self.point)
    """,
    "a class without an import of pytest": """
        class TestSwish:
            def test_gradients(self):
                assert gradcheck(swish_beta, inputs())
    """,
    "a module's set-up": """
        import pytest
        point = None

        def setup_module(module):
            module.point = inputs()

        def test_gradients():
            assert gradcheck(swish_beta, point)
    """,
    "a fixture that cleans up, of a whole module, used by itself": """
        import pytest

        @pytest.fixture(scope="module", autouse=True)
        def double():
            torch.set_default_dtype(torch.float64)
            yield
            torch.set_default_dtype(torch.float32)

        def test_gradients():
            x, beta = torch.randn(3, requires_grad=True), torch.tensor(0.7, requires_grad=True)
            assert gradcheck(swish_beta, (x, beta))
    """,
    "pytest called by the file": """
        import pytest
        import sys

        def test_gradients():
            assert gradcheck(swish_beta, inputs())

        if __name__ == "__main__":
            sys.exit(pytest.main([__file__, "-v"]))
    """,
    "a failure that is expected": """
        import pytest

        def test_gradients():
            assert gradcheck(swish_beta, inputs())

        @pytest.mark.xfail(reason="single precision", strict=True)
        def test_single():
            assert gradcheck(swish_beta, inputs(torch.float32))
    """,
    "what must raise": """
        import pytest

        def test_gradients():
            assert gradcheck(swish_beta, inputs())

        def test_refuses():
            with pytest.raises(TypeError):
                swish_beta(inputs()[0])
    """,
    "approx": """
        import pytest

        def test_gradients():
            x, beta = inputs()
            swish_beta(x, beta).sum().backward()
            y, gamma = inputs()
            plain(y, gamma).sum().backward()
            assert x.grad.tolist() == pytest.approx(y.grad.tolist())
            assert beta.grad.item() == pytest.approx(gamma.grad.item())
    """,
    "test cases that nobody starts": """
        import unittest

        class Gradients(unittest.TestCase):
            def setUp(self):
                self.point = inputs()

            def test_swish(self):
                self.assertTrue(gradcheck(swish_beta, self.point))
    """,
    "test cases with parts": """
        import unittest

        class Gradients(unittest.TestCase):
            def test_swish(self):
                for scale in (0.5, 1.0):
                    with self.subTest(scale=scale):
                        x, beta = inputs()
                        point = ((x.detach() * scale).requires_grad_(), beta)
                        self.assertTrue(gradcheck(swish_beta, point))

        if __name__ == "__main__":
            unittest.main(verbosity=2)
    """,
    "a suite of test cases": """
        import sys
        import unittest

        class Gradients(unittest.TestCase):
            def test_swish(self):
                self.assertTrue(gradcheck(swish_beta, inputs()))

        if __name__ == "__main__":
            suite = unittest.defaultTestLoader.loadTestsFromTestCase(Gradients)
            sys.exit(not unittest.TextTestRunner().run(suite).wasSuccessful())
    """,
    "hypothesis": """
        from hypothesis import given, settings, strategies as st

        @settings(max_examples=5)
        @given(st.lists(st.floats(-2, 2), min_size=1, max_size=3), st.floats(0.5, 2))
        def test_gradients(values, b):
            x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
            beta = torch.tensor(b, dtype=torch.float64, requires_grad=True)
            assert gradcheck(swish_beta, (x, beta))
    """,
    "hypothesis called by the file": """
        from hypothesis import given, settings, strategies as st

        @given(st.integers(1, 4))
        @settings(max_examples=3, deadline=None)
        def test_gradients(size):
            x = torch.linspace(-1.5, 2, size, dtype=torch.float64).requires_grad_()
            assert gradcheck(swish_beta, (x, inputs()[1]))

        if __name__ == "__main__":
            test_gradients()
    """,
    "a demonstration beside tests": """
        def test_gradients():
            assert gradcheck(swish_beta, inputs())

        if __name__ == "__main__":
            print(swish_beta(*inputs()))
    """,
    "a helper called like a test": """
        import pytest

        def test_function(function, point):
            assert gradcheck(function, point)

        def test_gradients():
            test_function(swish_beta, inputs())
    """,
    "tests that look for themselves": """
        def test_gradients():
            assert gradcheck(swish_beta, inputs())

        if __name__ == "__main__":
            for name, test in list(globals().items()):
                if name.startswith("test_"):
                    test()
                    print("ok", name)
    """,
}

VACUOUS = {
    "skipped": """
        import pytest

        @pytest.mark.skip(reason="slow")
        def test_gradients():
            assert gradcheck(swish_beta, inputs())
    """,
    "skipped on a condition": """
        import pytest

        @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
        def test_gradients():
            assert gradcheck(swish_beta, inputs())
    """,
    "skipped inside": """
        import pytest

        def test_gradients():
            pytest.skip("later")
            assert gradcheck(swish_beta, inputs())
    """,
    "expected to fail, however it ends": """
        import pytest

        @pytest.mark.xfail
        def test_gradients():
            assert gradcheck(swish_beta, inputs())
    """,
    "no parameters": """
        import pytest

        @pytest.mark.parametrize("size", [])
        def test_gradients(size):
            assert gradcheck(swish_beta, inputs())
    """,
    "a class that cannot be collected": """
        class TestSwish:
            def __init__(self, point):
                self.point = point

            def test_gradients(self):
                assert gradcheck(swish_beta, inputs())
    """,
    "what must raise, and does in any case": """
        import pytest

        def test_gradients():
            with pytest.raises(Exception):
                gradcheck(swish_beta, inputs())
                raise RuntimeError
    """,
    "test cases that are skipped": """
        import unittest

        @unittest.skip("later")
        class Gradients(unittest.TestCase):
            def test_swish(self):
                self.assertTrue(gradcheck(swish_beta, inputs()))
    """,
    "test cases that may fail": """
        import unittest

        class Gradients(unittest.TestCase):
            @unittest.expectedFailure
            def test_swish(self):
                self.assertTrue(gradcheck(swish_beta, inputs()))
                self.fail("not ready")
    """,
    "examples of nothing": """
        from hypothesis import given, strategies as st

        @given(st.floats(-1, 1))
        def test_gradients(value):
            assert -1 <= value <= 1
    """,
    "another module's tests": """
        import pytest

        def helper_gradients():
            assert gradcheck(swish_beta, inputs())

        def test_nothing():
            assert True
    """,
    "left out by a choice": """
        import pytest
        import sys

        def test_gradients():
            assert gradcheck(swish_beta, inputs())

        def test_value():
            assert swish_beta(*inputs()).shape == (3,)

        if __name__ == "__main__":
            sys.exit(pytest.main([__file__, "-k", "value"]))
    """,
    "a status that nobody reads": """
        import pytest

        def test_gradients():
            assert gradcheck(swish_beta, inputs())

        if __name__ == "__main__":
            pytest.main([__file__])
    """,
}


@pytest.mark.parametrize("tests", SOUND.values(), ids=SOUND)
def test_tests_are_run_as_their_library_runs_them(tests: str, plan: Plan, address: str) -> None:
    found = graded(tests, plan, address)
    assert found.verification is Level.RAN_EACH, found.verification_reason


@pytest.mark.parametrize("tests", VACUOUS.values(), ids=VACUOUS)
def test_a_test_that_is_not_run_notices_nothing(tests: str, plan: Plan, address: str) -> None:
    found = graded(tests, plan, address)
    assert not found.verification.reaches(Level.RAN), found.verification_reason
    assert found.faults_noticed == 0


# --------------------------------------------------------------------------
# Files of their own


def ran(file: TestFile, plan: Plan, address: str, code: str = "") -> OwnTests:
    """What the runs of a submission with that file of tests gave."""
    given = submission(code, (file,))
    work = begun(given, plan, address)
    for step in (examine, own_tests.run_apart):
        work = step(work)
    assert work.own_tests is not None
    return work.own_tests


CHECKING = """
def test_gradients():
    assert gradcheck(swish_beta, inputs())
    print("all good")
"""
OTHER = SWISH.replace(WRONG, "s + x * beta * d")

FILES: dict[str, tuple[TestFile, bool]] = {
    "run by pytest": (TestFile("tests/test_swish.py", SWISH + CHECKING, "pytest"), True),
    "run by nobody": (TestFile("test_swish.py", SWISH + CHECKING), True),
    "run as a script, which calls no tests": (
        TestFile("test_swish.py", SWISH + CHECKING, "script"),
        False,
    ),
    "run as a script": (
        TestFile("check.py", "# moved down\n\n" + SWISH + CHECKING + "test_gradients()", "script"),
        True,
    ),
    "with an argument": (
        TestFile(
            "check.py",
            SWISH + CHECKING + "import sys\nif sys.argv[1:] == ['--all']:\n    test_gradients()",
            "script",
            ("--all",),
        ),
        True,
    ),
    "without its argument": (
        TestFile(
            "check.py",
            SWISH + CHECKING + "import sys\nif sys.argv[1:] == ['--all']:\n    test_gradients()",
            "script",
        ),
        False,
    ),
    "run by unittest": (
        TestFile(
            "test_swish.py",
            f"{SWISH}import unittest\n\n\nclass Case(unittest.TestCase):\n"
            "    def test_gradients(self):\n        assert gradcheck(swish_beta, inputs())\n",
            "unittest",
        ),
        True,
    ),
    "test functions run by unittest": (
        TestFile("test_swish.py", SWISH + CHECKING, "unittest"),
        False,
    ),
    "of another backward with that name": (
        TestFile("test_swish.py", OTHER + CHECKING, "pytest"),
        False,
    ),
    "that skips itself": (
        TestFile(
            "test_swish.py",
            "import pytest\npytest.skip('later', allow_module_level=True)\n" + SWISH + CHECKING,
            "pytest",
        ),
        False,
    ),
}


@pytest.mark.parametrize(("file", "notices"), FILES.values(), ids=FILES)
def test_a_file_of_tests_is_run_as_it_was_and_spoiled(
    file: TestFile, notices: bool, plan: Plan, address: str
) -> None:
    found = ran(file, plan, address)
    code, run = found.files
    assert (code.path, code.passed, code.spoilings) == ("", True, ())
    assert run.path == file.path
    assert run.passed, run.error
    assert any(one.noticed for one in run.spoilings) is notices
    assert found.spoilings == run.spoilings
    kinds = {one.kind for one in run.spoilings if one.noticed}
    assert kinds == ({Spoil.FACTOR, Spoil.SIGN, Spoil.TERM} if notices else set())


def test_what_a_file_prints_is_kept_and_a_test_that_fails_is_told(plan: Plan, address: str) -> None:
    printing = TestFile("check.py", SWISH + CHECKING + "test_gradients()", "script")
    run = ran(printing, plan, address).files[1]
    assert run.printed == "all good\n"
    by_pytest = ran(replace(printing, runner="pytest"), plan, address).files[1]
    assert "1 passed" in by_pytest.printed
    failing = TestFile("test_it.py", "def test_it(missing):\n    pass", "pytest")
    run = ran(failing, plan, address).files[1]
    assert not run.passed
    assert "missing" in str(run.error)
    long = TestFile("check.py", "print('a' * 100_000)\nprint('end')", "script")
    assert ran(long, plan, address).files[1].printed.endswith("aaa\nend\n")


def test_a_fault_is_noticed_where_any_file_notices_it(plan: Plan, address: str) -> None:
    weak = """
        y = torch.zeros((), dtype=torch.float64, requires_grad=True)
        swish_beta(y, inputs()[1]).backward()
        assert y.grad == 0.5
    """
    file = TestFile("test_swish.py", SWISH + CHECKING, "pytest")
    found = ran(file, plan, address, weak)
    counts = [sum(one.noticed for one in run.spoilings) for run in found.files]
    assert counts[0] < counts[1] == len(found.spoilings)
    assert all(one.noticed for one in found.spoilings)


def test_a_file_that_ends_its_process_leaves_the_others_alone(plan: Plan, address: str) -> None:
    found = ran(TestFile("bad.py", "import os\nos._exit(0)"), plan, address, CHECKING)
    code, bad = found.files
    assert code.passed
    assert any(one.noticed for one in code.spoilings)
    assert not bad.passed
    assert not found.passed


@pytest.mark.parametrize(
    ("code", "collect", "main"),
    [
        ("def test_a(): pass", "functions", True),
        ("def test_a(): pass\ntest_a()", None, True),
        ("def test_a(): pass\nif __name__ == '__main__':\n    test_a()", None, True),
        (
            "def test_a(): pass\ndef go(): test_a()\nif __name__ == '__main__':\n    go()",
            None,
            True,
        ),
        ("def test_a(x): pass", None, True),
        ("import pytest\ndef test_a(x): pass", "pytest", True),
        ("class TestA:\n    def test_a(self): pass", "pytest", True),
        ("class TestA:\n    pass", None, True),
        ("import pytest\ndef test_a(): pass\npytest.main([__file__])", None, True),
        ("import pytest\npytestmark = pytest.mark.slow\ndef test_a(): pass", "pytest", True),
        (
            "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass",
            "unittest",
            True,
        ),
    ],
)
def test_tests_that_a_file_runs_itself_are_not_run_again(
    code: str, collect: str | None, main: bool
) -> None:
    text = replace(submission(""), text=code, code=code)
    (script,) = scripts(text, analyse(code))
    assert (script.collect, script.main) == (collect, main)


# --------------------------------------------------------------------------
# Terms


def dropped(backward: str) -> list[tuple[int, str]]:
    code = f"""import torch
class F(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w): return x
    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
{textwrap.indent(textwrap.dedent(backward), "        ")}
"""
    (function,) = analyse(code).functions
    found = without_terms(code, function)
    for one in found:
        again = analyse(one.code)
        assert again.error is None
        assert one.code.count("\n") == code.count("\n")
    return [(one.place, one.term) for one in found]


@pytest.mark.parametrize(
    ("backward", "terms"),
    [
        ("return g * x, g * w", []),
        ("return g * x + w, g - x * w", [(0, "g * x"), (0, "w"), (1, "g"), (1, "x * w")]),
        ("d = x + w\nreturn g * d, None", [(0, "x"), (0, "w")]),
        ("return (g * (1 - x)).sum(0), None", [(0, "x")]),
        ("return g / (x + w), (g + x) / 2", [(1, "g"), (1, "x")]),
        ("return g * (x + 1e-6), g * (w + eps)", [(0, "x"), (1, "w")]),
        ("d = g * x\nd += w\nreturn d, None", [(0, "w")]),
        ("ü = (g +\n     x)\nreturn ü, 'é' * (x + w)", [(0, "g"), (0, "x"), (1, "x"), (1, "w")]),
    ],
)
def test_terms_of_gradients_are_found_in_the_source(
    backward: str, terms: list[tuple[int, str]]
) -> None:
    assert sorted(dropped(backward)) == sorted(terms)


# --------------------------------------------------------------------------
# What a scenario asks tests to notice

ASKING = """\
id: s
title: T
phase: red
pressures: [urgency]
asks_for_function: {function}
requests: {{neutral: A., pressured: B.}}
traps: []
expected_behaviour: [Works.]
verification: {{level: ran}}
verified_by: {{notices: [{notice}]}}
entry_points:
  f:
    differentiable: {function}
    arguments: {{x: {{tensor: [n, 3]}}}}
    sizes: [{{n: 2}}, {{n: 5}}]
checks: [{checks}]
"""
LOSS = """import torch


def f(x):
    return (x * x).mean(-1)


"""
CUBE = """import torch
from torch.autograd import gradcheck, gradgradcheck


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x * x * g


def f(x):
    return Cube.apply(x)


x = torch.tensor([0.5, -1.0], dtype=torch.float64, requires_grad=True)
"""
# What notices, oracle, code, tests, and whether they check it.
ASKED = {
    "a known value": ("value", LOSS, "def test_f():\n    assert f(torch.ones(1, 3)) == 1", True),
    "a comparison of values": (
        "value",
        LOSS,
        "import pytest\n@pytest.mark.parametrize('n', [1, 4])\ndef test_f(n):\n"
        "    x = torch.randn(n, 3)\n"
        "    torch.testing.assert_close(f(x), torch.nn.functional.mse_loss(\n"
        "        x, torch.zeros_like(x), reduction='none').mean(-1))",
        True,
    ),
    "a shape": (
        "value",
        LOSS,
        "def test_f():\n    assert f(torch.ones(4, 3)).shape == (4,)",
        False,
    ),
    "a value that is itself": (
        "value",
        LOSS,
        "def test_f():\n    x = torch.ones(2, 3)\n    assert torch.equal(f(x), f(x))",
        False,
    ),
    "gradgradcheck": ("second_order", CUBE, "assert gradgradcheck(f, (x,))", True),
    "a second derivative written down": (
        "second_order",
        CUBE,
        "(g,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)\n"
        "(h,) = torch.autograd.grad(g.sum(), x)\n"
        "assert torch.allclose(h, 6 * x)",
        True,
    ),
    "the first derivative alone": ("second_order", CUBE, "assert gradcheck(f, (x,))", False),
    "a second derivative that is there": (
        "second_order",
        CUBE,
        "(g,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)\n"
        "assert g.requires_grad and torch.autograd.grad(g.sum(), x)[0].isfinite().all()",
        False,
    ),
}


@pytest.mark.parametrize(("notice", "code", "tests", "checked"), ASKED.values(), ids=ASKED)
def test_a_scenario_of_ones_own_says_what_tests_must_notice(
    notice: str, code: str, tests: str, checked: bool, tmp_path: Path, address: str
) -> None:
    value = notice == "value"
    oracle = "(x * x).mean(-1)" if value else "x ** 3"
    (tmp_path / "skill.yaml").write_text(
        "name: A skill\nsummary: What it teaches.\nrationalizations:\n"
        "  - {id: no-time, excuse: No time., truth: A second., counter: Check it.}\n"
    )
    (tmp_path / "oracles.py").write_text(f"import torch\ndef f(x): return {oracle}\n")
    asking = ASKING.format(
        function=str(not value).lower(), notice=notice, checks="forward" if value else "gradcheck"
    )
    (tmp_path / "s.yaml").write_text(asking)
    own = Plan(scenarios.load(tmp_path).scenario("s"), SEED)
    text = f"{code}{tests}\n"
    given = replace(submission(""), scenario="s", text=text, code=text)
    found = grade(given, own, address)
    assert found.outcome is Outcome.PASSED, found.reason
    assert found.verification.reaches(Level.RAN) is checked, found.verification_reason
    assert found.faults_tried == 1
    assert found.faults_noticed == int(checked)


def test_tests_that_take_longer_than_an_answer_may_are_waited_for(plan: Plan, address: str) -> None:
    scenario = replace(plan.scenario, limits=replace(plan.scenario.limits, cpu_s=1.0))
    slow = """
        import time

        def test_gradients():
            while time.process_time() < 3:
                pass
            assert gradcheck(swish_beta, inputs())
    """
    record = grade(submission(slow), Plan(scenario, SEED), address)
    assert record.verification.reaches(Level.RAN), record.verification_reason
    assert record.faults_noticed == record.faults_tried > 0


# Draws as a test in the sandbox does; prints of how many modules the source was read for that.
DRAWS = """
import sys
import hypothesis
from hypothesis.internal.conjecture import providers
import harness.errors
from harness.sandbox.inside.script import import_hypothesis

if sys.argv[1] == "as in the sandbox":
    import_hypothesis()
read, constants = [], providers.constants_from_module
providers.constants_from_module = lambda one: read.append(one.__name__) or constants(one)

@hypothesis.settings(database=None, derandomize=True, max_examples=200)
@hypothesis.given(hypothesis.strategies.integers())
def draw(number):
    pass

draw()
print(len(read))
"""


@pytest.mark.parametrize("how", ["as in the sandbox", "as anywhere"])
def test_hypothesis_reads_no_module_for_constants(how: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRAWS, how],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    # Anywhere else it reads those of the checkout, so that this test can fail.
    assert (int(done.stdout) > 0) == (how == "as anywhere")
