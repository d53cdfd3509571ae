"""Taking the backward away from a file, however it is written."""

from __future__ import annotations

import textwrap

import pytest
import torch

from harness.code import analyse
from harness.code.without_backward import without_backward

BODIES = {
    "several lines": '''
        def backward(ctx, g):
            """Words."""
            (x,) = ctx.saved_tensors
            return 2 * x * g
    ''',
    "one line": "def backward(ctx, g): return 2 * ctx.saved_tensors[0] * g",
    "several statements": "def backward(ctx, g): y = g; return 2 * ctx.saved_tensors[0] * y",
    "a line that goes on": "def backward(ctx, g): \\\n    return 2 * ctx.saved_tensors[0] * g",
    "a comment first": """
        def backward(ctx, g):
            # déjà vu
            return 2 * ctx.saved_tensors[0] * g
    """,
    "a compound statement first": """
        def backward(ctx, g):
            if ctx.needs_input_grad[0]:
                return 2 * ctx.saved_tensors[0] * g
    """,
    "a lambda": "backward = staticmethod(lambda ctx, g: 2 * ctx.saved_tensors[0] * g)",
    "umlauts before it": "def backward(ctx, für_x): return 2 * ctx.saved_tensors[0] * für_x",
}
FILE = """import torch


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

{body}


def square(x):
    return Square.apply(x)


def composed(x):
    return x * x
"""


def file(body: str) -> str:
    text = textwrap.dedent(body).strip("\n")
    if text.startswith("def"):
        text = f"@staticmethod\n{text}"
    return FILE.format(body=textwrap.indent(text, "    "))


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_gradient_that_goes_through_a_backward_is_gone(body: str, ends: str) -> None:
    code = file(body).replace("\n", ends)
    text = without_backward(code, analyse(code))
    assert text is not None
    names: dict[str, object] = {}
    exec(compile(text, "solution.py", "exec"), names)
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    with pytest.raises((RuntimeError, KeyError), match="no gradient here"):
        names["square"](x).sum().backward()  # type: ignore[operator]
    names["composed"](x).sum().backward()  # type: ignore[operator]


def test_what_cannot_be_rewritten_is_told_apart() -> None:
    read = analyse(file(BODIES["one line"]))
    assert without_backward("something else\n" * 40, read) is None


def test_a_file_without_functions_stays_as_it_is() -> None:
    code = "def f(x):\n    return x\n"
    assert without_backward(code, analyse(code)) == code
