"""The syntax tree tells what a submission defines, applies and checks."""

from __future__ import annotations

import ast
import textwrap
import time
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_results import peak_bytes

from harness.code import MAX_CHARACTERS, Lines, Source, analyse
from harness.code.lines import LineIndex, split_lines
from harness.read.submissions.syntax import inspect

PACKAGE = Path(__file__).parent.parent / "harness"

SWISH = """
import torch
class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        return x
    @staticmethod
    def backward(ctx, g):
        return g, None
def swish(x, beta):
    return Swish.apply(x, beta)
"""


def read(code: str, offset: int = 0) -> Source:
    source = analyse(textwrap.dedent(code), offset)
    assert source.error is None
    return source


@pytest.mark.parametrize(
    "head",
    [
        "import torch\nclass A(torch.autograd.Function):",
        "import torch as t\nclass A(t.autograd.Function):",
        "from torch import autograd\nclass A(autograd.Function):",
        "from torch.autograd import Function\nclass A(Function):",
        "from torch.autograd import Function as F\nclass A(F):",
        "from torch.autograd.function import Function\nclass A(Function):",
        "from torch.autograd import *\nclass A(Function):",
        "import torch.autograd as ag\nclass A(ag.Function):",
        "import torch\nBase = torch.autograd.Function\nclass A(Base):",
        "import torch\nclass Base(torch.autograd.Function): pass\nclass A(Base):",
        "from torch.autograd import Function\nclass Function(Function): pass\nclass A(Function):",
    ],
)
def test_a_function_is_found_under_any_name(head: str) -> None:
    source = read(f"{head}\n    @staticmethod\n    def forward(ctx, x): return x\n")
    assert "A" in {f.name for f in source.functions}


@pytest.mark.parametrize(
    "head",
    [
        "class A(object):",
        "import torch\nclass A(torch.nn.Module):",
        "class Function: pass\nclass A(Function):",
        "from mylib import Function\nclass A(Function):",
    ],
)
def test_other_classes_are_no_functions(head: str) -> None:
    assert read(f"{head}\n    def forward(ctx, x): return x\n").functions == ()


def test_nested_classes_and_inherited_methods_are_seen() -> None:
    source = read(
        """
        import torch
        def make():
            class Base(torch.autograd.Function):
                @staticmethod
                def backward(ctx, g): return g, None
            class Child(Base):
                @staticmethod
                def forward(ctx, x): return x
            return Child.apply
        """
    )
    child = next(f for f in source.functions if f.name == "Child")
    assert child.backward is not None
    assert child.inputs == ("x",)
    assert [r.count for r in child.returns] == [2]


def test_setup_context_takes_the_place_of_ctx_in_forward() -> None:
    source = read(
        """
        import torch
        class A(torch.autograd.Function):
            @staticmethod
            def forward(x, n): return x
            @staticmethod
            def setup_context(ctx, inputs, output): pass
            @staticmethod
            @torch.autograd.function.once_differentiable
            def vjp(ctx, g): return g, None
        """
    )
    (function,) = source.functions
    assert function.inputs == ("x", "n")
    assert function.setup_context is not None
    assert function.backward is not None


def test_variadic_inputs_are_not_counted() -> None:
    source = read(
        "from torch.autograd import Function\nclass A(Function):\n"
        "    @staticmethod\n    def forward(ctx, *xs): return xs[0]\n"
    )
    assert source.functions[0].inputs is None


@pytest.mark.parametrize(
    ("body", "counts"),
    [
        ("return g", [None]),
        ("return g * 2", [1]),
        ("return -g", [1]),
        ("return", [1]),
        ("return None", [1]),
        ("return g, None", [2]),
        ("return [g, None, None]", [3]),
        ("return (g,) + (None,) * 2", [None]),
        ("return (g, *rest)", [None]),
        ("return helper(g)", [None]),
        ("gx = g * 2\n        return gx", [1]),
        ("out = (g, None)\n        return out", [2]),
        ("out = (g, None)\n        return out + (None,)", [None]),
        ("return g * 2 if a else None", [1, 1]),
        ("gx = g * 2\n        gx = (g, g)\n        return gx", [None]),
        (
            "f = lambda: (1, 2, 3)\n        def h():\n            return 1, 2\n        return -g",
            [1],
        ),
    ],
)
def test_returned_gradients_are_counted_where_they_can_be(
    body: str, counts: list[int | None]
) -> None:
    source = read(
        f"from torch.autograd import Function\nclass A(Function):\n"
        f"    @staticmethod\n    def backward(ctx, g):\n        {body}\n"
    )
    assert [r.count for r in source.functions[0].returns] == counts


def test_lines_are_lines_of_the_text() -> None:
    source = analyse(SWISH + "torch.autograd.gradcheck(swish, (1,))\n", 10)
    assert source.functions[0].line == 13
    assert source.functions[0].returns[0].line == 19
    assert source.gradchecks[0].line == 22


@pytest.mark.parametrize(
    "wrapper",
    [
        "def op(x): return Swish.apply(x, 1)",
        "op = Swish.apply",
        "op, other = Swish.apply, None",
        "op: object = Swish.apply",
        "op = lambda x: Swish.apply(x, 1)",
        "def inner(x): return swish(x, 1)\ndef op(x): return inner(x)",
        "op = swish",
    ],
)
def test_an_entry_point_reaches_its_function(wrapper: str) -> None:
    source = read(SWISH + wrapper)
    assert source.reached("op") == {"Swish"}
    assert source.reached("nothing") == frozenset()


TWO = SWISH + SWISH.replace("Swish", "Mish").replace("swish", "mish")


@pytest.mark.parametrize(
    ("tests", "functions"),
    [
        ("gradcheck(swish, (x,))", {"Swish"}),
        ("gradcheck(lambda t: 0.1 * swish(t, b), (x,))", {"Swish"}),
        ("gradcheck(Swish.apply, (x,))", {"Swish"}),
        ("f = lambda t: swish(t, b)\ngradcheck(f, (x,))", {"Swish"}),
        ("for f in (swish, mish):\n    gradcheck(f, (x,))", {"Swish", "Mish"}),
        (
            "CASES = [('a', swish), ('b', mish)]\nfor n, f in CASES:\n    gradcheck(f, (x,))",
            {"Swish", "Mish"},
        ),
        ("def check(fn):\n    gradcheck(fn, (x,))\ncheck(mish)", {"Mish"}),
        ("def check(a, fn=None):\n    gradcheck(fn, (x,))\ncheck(1, fn=mish)", {"Mish"}),
        ("def twin(t): return t * 2\ngradcheck(twin, (x,))", set()),
        ("gradcheck(lambda t: torch.sin(t), (x,))", set()),
        ("gradcheck(unknown, (x,))", None),
        ("gradcheck(func=mish, inputs=(x,))", {"Mish"}),
    ],
)
def test_the_target_of_a_gradcheck_is_followed(tests: str, functions: set[str] | None) -> None:
    source = read(f"from torch.autograd import gradcheck\n{TWO}\n{tests}\n")
    assert source.gradchecks[0].functions == functions


@pytest.mark.parametrize(
    ("tests", "precision"),
    [
        ("gradcheck(swish, (torch.randn(3, dtype=torch.double),))", "double"),
        ("gradcheck(swish, (torch.randn(3).double(),))", "double"),
        ("x = torch.randn(3, dtype=torch.float64)\ngradcheck(swish, (x,))", "double"),
        (
            "torch.set_default_dtype(torch.float64)\nx = torch.randn(3)\ngradcheck(swish, (x,))",
            "double",
        ),
        (
            "def make(): return torch.ones(2).double()\ndef test():\n    gradcheck(swish, make())",
            "double",
        ),
        (
            "def check(f, x):\n    gradcheck(f, (x,))\ncheck(swish, torch.ones(2).double())",
            "double",
        ),
        ("gradcheck(swish, (torch.randn(3),))", "single"),
        ("x = torch.ones(2, dtype=torch.float32)\ngradcheck(swish, (x,))", "single"),
        ("def test():\n    x = torch.randn(3)\n    gradcheck(swish, (x,))", "single"),
        ("gradcheck(swish, inputs)", "unknown"),
    ],
)
def test_the_precision_of_a_gradcheck_is_read_from_its_surroundings(
    tests: str, precision: str
) -> None:
    source = read(f"from torch.autograd import gradcheck\n{SWISH}\n{tests}\n")
    assert source.gradchecks[0].precision == precision


@pytest.mark.parametrize(
    ("call", "ignored"),
    [
        ("gradcheck(f, x)", False),
        ("gradcheck(f, x, raise_exception=False)", True),
        ("gradcheck(f, x, 1e-6, 1e-4, 1e-3, False)", True),
        ("assert gradcheck(f, x, raise_exception=False)", False),
        ("ok = gradcheck(f, x, raise_exception=False)", False),
        ("if not gradcheck(f, x, raise_exception=False): raise SystemExit(1)", False),
        ("try:\n    gradcheck(f, x)\nexcept Exception:\n    pass", True),
        ("try:\n    gradcheck(f, x)\nexcept Exception as e:\n    print(e)", True),
        ("try:\n    gradcheck(f, x)\nexcept Exception:\n    raise", False),
        ("try:\n    gradcheck(f, x)\nexcept Exception:\n    sys.exit(1)", False),
        ("try:\n    pass\nexcept Exception:\n    gradcheck(f, x)", False),
        ("with contextlib.suppress(Exception):\n    gradcheck(f, x)", True),
        ("with pytest.raises(RuntimeError):\n    gradcheck(f, x)", True),
        ("with torch.enable_grad():\n    gradcheck(f, x)", False),
    ],
)
def test_a_gradcheck_nobody_listens_to_is_ignored(call: str, ignored: bool) -> None:
    source = read(
        f"import torch, pytest, contextlib\nfrom torch.autograd import gradcheck\n{call}\n"
    )
    assert source.gradchecks[0].ignored is ignored


def test_tolerances_are_read_by_position_and_by_name() -> None:
    source = read(
        "import torch\ntorch.autograd.gradcheck(f, x, 1e-6, 1e-2, rtol=0.5, fast_mode=True)"
    )
    assert source.gradchecks[0].options == {
        "eps": 1e-6,
        "atol": 1e-2,
        "rtol": 0.5,
        "fast_mode": True,
    }


def test_gradgradcheck_is_told_apart() -> None:
    source = read("from torch.autograd import gradgradcheck as ggc\nggc(f, x)")
    assert [c.name for c in source.gradchecks] == ["gradgradcheck"]


def test_test_code_is_what_is_named_so_and_not_used_by_the_rest() -> None:
    source = read(
        """
        def _check_inputs(x): pass
        def op(x):
            _check_inputs(x)
        def checkpointed_block(x): pass
        def test_op():
            op(1)
        def _self_check():
            test_op()
        if __name__ == "__main__":
            _self_check()
        """
    )
    assert set(source.tests) == {"test_op", "_self_check"}
    assert source.called_from_main == {"__name__", "_self_check"}
    assert source.in_test(7)
    assert source.in_test(11)
    assert not source.in_test(4)


@pytest.mark.parametrize(
    "code",
    [
        "(" * 5000,
        "-" * 50_000 + "1",
        "1" + "+1" * 50_000,
        "a" + ".b" * 20_000,
        "x = " + "[" * 150 + "]" * 150,
        "if 1:\n" + "".join(" " * i + "if 1:\n" for i in range(1, 95)) + " " * 95 + "pass",
        "\0",
        "x = '\ud800'",
        "'\\d'",
        "1 is 1",
        "x" * (MAX_CHARACTERS + 1),
        "def f(:",
        "9" * 5000,
    ],
)
def test_pathological_text_is_read_or_refused_and_never_raises(code: str) -> None:
    assert isinstance(analyse(code), Source)


def test_what_cannot_be_read_says_why_in_lines_of_the_text() -> None:
    assert "line 12" in (analyse("x = 1\ndef f(:", 10).error or "")
    assert "longer than" in (analyse("x" * (MAX_CHARACTERS + 1)).error or "")
    assert analyse("1" + "+1" * 40_000).error == "line 1: nested too deeply"


def _functions(count: int, body: str) -> str:
    return "import torch\n" + "".join(
        f"class A{n}(torch.autograd.Function):\n {body}\n" for n in range(count)
    )


BACKWARD = "class B(torch.autograd.Function):\n def backward(ctx, g):\n"


@pytest.mark.parametrize(
    "code",
    [
        "import torch\n" + BACKWARD + "  x = x\n" * 2_000 + "  return x\n",
        "=".join(f"a{n}" for n in range(5_000)) + "=[" + "q," * 30_000 + "]\n",
        "def b(c, g):\n" + " y=g*g*g\n" * 5_000 + _functions(900, "backward=b"),
        "import torch\n"
        + BACKWARD
        + "  y=g*g*g\n" * 4_000
        + "".join(f"class A{n}(B): 0\n" for n in range(3_000)),
        "import torch\n"
        + "=".join(f"n{n}" for n in range(64))
        + "=["
        + ",".join(f"n{n}" for n in range(64)) * 300
        + "]\ndef t():\n"
        + " torch.autograd.gradcheck(n0, n1)\n" * 100,
        "import torch\ndef t(a, b):\n"
        + " torch.autograd.gradcheck(a, b)\n" * 100
        + "t(a, b)\n" * 11_000,
        "x=f'" + "{a}" * 33_000 + "'\n",
    ],
    ids=["circle", "chain", "shared", "inherited", "targets", "callers", "fields"],
)
def test_no_code_keeps_the_reader_busy(code: str) -> None:
    assert len(code) <= MAX_CHARACTERS
    started = time.process_time()
    assert isinstance(analyse(code), Source)
    # All took minutes once; the time itself depends on the machine.
    assert time.process_time() - started < 20


@pytest.mark.parametrize("number", ["0x" + "f" * 5_000, "1" + "0" * 400])
def test_a_number_that_cannot_be_written_out_is_no_code_to_read(number: str) -> None:
    assert analyse(f"x = 1\ny = {number}\n").error == "line 2: a number of absurd size"
    assert analyse(f"x = {'+'.join('a' * 600)}\n").error == "nested too deeply"


def test_lines_of_many_spans_are_found() -> None:
    lines = Lines([range(5, 7), range(1, 3), range(2, 4), range(5, 6), range(9, 9)])
    assert [line for line in range(12) if line in lines] == [1, 2, 3, 5, 6]


_PIECES = st.sampled_from(
    [
        "import torch as t\n",
        "class A(t.autograd.Function):\n",
        "  def backward(c, g):\n",
        "return g,*h\n",
        "A.apply",
        "gradcheck(",
        "f",
        "lambda x:",
        ")",
        "(",
        "=",
        "x",
        ",",
        "\n",
        " ",
        "  ",
        "for",
        "in",
        "try:\n",
        "except: pass\n",
        "with a as b:\n",
        "\t",
        "'",
        '"',
        "#",
        "*",
        "1",
        ":",
        "def f():\n",
        "if",
        "[",
        "]",
    ]
)


@given(st.one_of(st.text(), st.lists(_PIECES, max_size=40).map("".join)))
@settings(deadline=None, max_examples=300)
def test_arbitrary_text_never_raises(text: str) -> None:
    source = analyse(text)
    assert source.error is None or not source.functions


# --------------------------------------------------------------------------
# What reading costs


def finally_tower(levels: int) -> str:
    """A function whose ``finally`` blocks the compiler copies twice for each level."""
    lines = [" " * (levels + 1) + "return"]
    for level in range(levels, 0, -1):
        indent = " " * level
        lines = [f"{indent}try:", *lines, f"{indent}finally:", f"{indent} if a: return"]
    return "\n".join(["def tower(a):", *lines, ""])


@pytest.mark.parametrize("levels", [6, 19])
def test_nested_finally_blocks_are_refused_at_no_cost(levels: int) -> None:
    code = SWISH + finally_tower(levels)
    assert peak_bytes(lambda: inspect(code)) < 10_000_000
    block = inspect(code)
    assert block.error is not None
    assert block.error[1] == "finally blocks are nested deeper than 5 levels"
    assert "finally blocks are nested" in (analyse(code).error or "")


def test_five_nested_finally_blocks_are_read() -> None:
    assert inspect(SWISH + finally_tower(5)).error is None
    assert analyse("try:\n x = 1\nfinally:\n y = 2\n" * 10).error is None


PARSERS = {"compile", "exec", "eval", "ast.parse", "ast.literal_eval", "symtable.symtable"}


def test_text_of_a_submission_is_parsed_in_one_place_and_never_compiled() -> None:
    found = defaultdict[str, set[str]](set)
    for path in sorted(PACKAGE.rglob("*.py")):
        if "inside" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    called = ast.unparse(node.func)
                    if called in PARSERS:
                        found[str(path.relative_to(PACKAGE))].add(called)
    # An author's own oracles are no submission, nor are lines that show a failure of a Function
    # that its author has called anyway.
    assert found.pop("starting/scenario.py") == {"ast.parse"}
    assert found.pop("library/snippet.py") == {"compile", "exec"}
    assert found == {"code/parsing.py": {"ast.parse", "symtable.symtable"}}


def test_gradchecks_within_gradchecks_are_read_once_each() -> None:
    inner = "[" + "a, " * 20_000 + "]"
    code = SWISH + "from torch.autograd import gradcheck\n"
    began = time.process_time()
    analyse(code + "gradcheck(lambda: " * 70 + inner + ")" * 70 + "\n")
    assert time.process_time() - began < 10


# --------------------------------------------------------------------------
# Lines


def test_an_offset_is_on_the_line_that_python_counts() -> None:
    index = LineIndex("a\r\nb\rc\n\u2028d")
    assert [index.line(at) for at in (0, 1, 2, 3, 5, 7, 8)] == [1, 1, 1, 2, 3, 4, 4]
    assert [index.start(line) for line in (1, 2, 3, 4, 5)] == [0, 3, 5, 7, 9]
    assert [index.content(line) for line in (1, 2, 4)] == ["a\r\n", "b\r", "\u2028d"]
    assert len(index) == len(split_lines("a\r\nb\rc\n\u2028d")) == 4


def test_a_text_without_lines_has_one() -> None:
    assert (len(LineIndex("")), LineIndex("").line(0), LineIndex("").content(1)) == (1, 1, "")
