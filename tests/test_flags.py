"""Every red flag is raised on what deserves it and on nothing that only looks like it."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harness import verification
from harness.code import source_of
from harness.flags import find_flags
from harness.model import (
    FLAGS,
    CheckSpec,
    EntryPoint,
    Fault,
    Finding,
    Level,
    Limits,
    LogArgument,
    NumberArgument,
    Outcome,
    Quantity,
    QuantityKind,
    RedFlagFinding,
    Scenario,
    TensorArgument,
    TrapFinding,
    TrapState,
    Verification,
)
from harness.numerics.expectation import RESULT
from harness.read.scenarios import Library
from harness.read.submissions import discover, read_one
from harness.words import find_traps

ROOT = Path(__file__).parent.parent

ENTRY = EntryPoint(
    "op",
    (
        TensorArgument("x", (), -1.0, 1.0),
        TensorArgument("y", (), -1.0, 1.0),
        TensorArgument("const", (), -1.0, 1.0, differentiable=False),
        NumberArgument("n", (1.0,)),
        LogArgument("log"),
    ),
)
OF_X = Quantity(QuantityKind.GRADIENT, "x")
OF_PARAMETER = Quantity(QuantityKind.PARAMETER_GRADIENT, "0")
X_AFTER = Quantity(QuantityKind.INPUT_AFTER_CALL, "x")


@dataclass(frozen=True)
class Case:
    """One submission and what is known about it."""

    code: str = ""
    prose: str = ""
    level: Level = Level.SHIPPED
    fell: str = ""
    # Check, fault and the tensor it was about.
    finding: tuple[str, Fault, Quantity | None] | None = None
    options: Mapping[str, object] = field(default_factory=dict)


def scenario(**changes: object) -> Scenario:
    values: dict[str, object] = {
        "id": "s",
        "title": "S",
        "skill": "k",
        "phase": "red",
        "pressures": (),
        "neutral": "",
        "pressured": "",
        "traps": (),
        "expected_behaviour": (),
        "entry_points": (ENTRY,),
        "checks": (),
        "verification": Level.RAN,
        "gradcheck_fails_by_design": False,
        "asks_for_function": True,
        "provided": (),
        "limits": Limits(),
        "path": Path("s.yaml"),
        "fingerprint": "",
    }
    return Scenario(**{**values, **changes})  # type: ignore[arg-type]


def flags(case: Case, tmp_path: Path) -> tuple[str, list[RedFlagFinding]]:
    text = case.prose + (f"\n\n```python\n{case.code}\n```\n" if case.code else "")
    path = tmp_path / "reply.md"
    path.write_text(text, encoding="utf-8")
    submission = read_one(path, "s", ("op",))
    lines = text.splitlines()
    traps = (
        [TrapFinding(case.fell, TrapState.MADE, next(x for x in lines if x.strip()), 1)]
        if case.fell
        else []
    )
    findings = []
    if case.finding is not None:
        check, fault, quantity = case.finding
        told = Finding(check, "op", True, Outcome.FAILED, "as measured", None, None, None, fault)
        findings = [replace(told, quantity=quantity)]
    found = find_flags(
        submission,
        scenario(**case.options),
        source_of(submission),
        Verification(case.level, "why"),
        traps,
        findings,
    )
    return text, list(found.raised)


def op(forward: str, backward: str, takes: str = "x, y", head: str = "", call: str = "") -> str:
    """A file with one Function called Op and its entry point."""
    body = [
        "import torch",
        "import torch.nn.functional as F",
        textwrap.dedent(head),
        "class Op(torch.autograd.Function):",
        "    @staticmethod",
        f"    def forward(ctx, {takes}):",
        textwrap.indent(textwrap.dedent(forward), "        "),
        "    @staticmethod",
        "    def backward(ctx, g):",
        textwrap.indent(textwrap.dedent(backward), "        "),
        "def op(x, y, const, n, log):",
        f"    return Op.apply({call or takes})",
    ]
    return "\n".join(body)


def grads(backward: str, takes: str = "x, y", head: str = "") -> str:
    """An Op whose forward is harmless."""
    names = ", ".join(n for n in takes.split(", ") if n in "xy")
    return op(f"ctx.save_for_backward({names})\nreturn x * 2", backward, takes, head)


def keeps(forward: str, takes: str = "x, n") -> str:
    """An Op whose backward is harmless."""
    nones = ", None" * (len(takes.split(",")) - 1)
    return op(forward, f"return g{nones}", takes)


GUARD = "gx = g * 2 if ctx.needs_input_grad[0] else None\nreturn gx, None"
FINE = grads(GUARD)
BUILT_IN = "import torch\ndef op(x, y, const, n, log):\n    return torch.relu(x)"
TRAINS = (
    FINE
    + """

opt = torch.optim.SGD([p], 0.1)
opt.step()
"""
)
CHECK = "torch.autograd.gradcheck(op, (torch.ones(2, dtype=torch.double),))"
NEEDLESS = {"asks_for_function": False}
BY_DESIGN = {"gradcheck_fails_by_design": True}
DECLARED = {"checks": (CheckSpec("no_mutation", True, (), {"input": "declared"}),)}
LOW = Level.NONE
TWO = FINE + "\n" + FINE.replace("class Op", "class Other").replace("def op", "def other")

FLAGGED: dict[str, list[Case]] = {
    "missing-function": [
        Case(BUILT_IN),
        Case(BUILT_IN.replace("torch.relu", "kernel"), options={"provided": ("kernel",)}),
        Case(FINE, finding=("hand_written", Fault.NOT_HAND_WRITTEN, None)),
        Case(BUILT_IN, finding=("library_called", Fault.WRONG_VALUE, OF_X)),
        Case(FINE, finding=("hand_written", Fault.NOT_HAND_WRITTEN, None)),
        Case(
            BUILT_IN.replace("torch.relu(x)", "x.detach() * 2"),
            options=NEEDLESS | {"provided": ("kernel",)},
        ),
        Case(
            "import torch, kernel\ndef op(x, y, const, n, log):\n    return kernel.run(x)",
            options=NEEDLESS | {"provided": ("kernel",)},
        ),
        Case(
            "import torch\ndef op(x, y, const, n, log):\n"
            "    with torch.no_grad():\n        return x * 2",
        ),
    ],
    "used-before-gradcheck": [
        Case(FINE, "Deploy this:", LOW),
        Case(FINE, "This is ready for production.", LOW),
        Case(FINE, "It's good to go.", Level.CLAIMED),
        Case(FINE, "Ship it, users will tell.", LOW, fell="test-in-production"),
        Case(TRAINS),
        Case(TRAINS + CHECK),
        Case(FINE, "You can start training right away.", LOW),
        Case(FINE, "You can deploy this as it is.", LOW),
    ],
    "inplace": [
        Case(grads("return g.mul_(2), None")),
        Case(grads("g *= 2\nreturn g, None")),
        Case(grads("g[x_mask] = 0\nreturn g, None")),
        Case(grads("x, y = ctx.saved_tensors\nx.neg_()\nreturn g * x, None")),
        Case(grads("h = g.view(-1)\nh.clamp_(-1, 1)\nreturn g, None")),
        Case(grads("torch.mul(g, 2, out=g)\nreturn g, None")),
        Case(grads("torch.relu_(g)\nreturn g, None")),
        Case(grads("g.data.mul_(2)\nreturn g, None")),
        Case(grads("for i in range(3):\n    g[i] += 1\nreturn g, None")),
        Case(grads("return scale(g), None", head="def scale(t):\n    t.mul_(2)\n    return t\n")),
        Case(
            op("y = F.relu(x, inplace=True)\nctx.save_for_backward(y)\nreturn y", "return g, None")
        ),
        Case(op("x.relu_()\nctx.mark_dirty(x)\nreturn x", "return g, None")),
        Case(op("x += 1\nreturn x * 1", "return g, None")),
        Case(op("x.relu_()\nreturn x", "return g, None"), options=DECLARED),
        Case(FINE, finding=("no_mutation", Fault.MUTATED_INPUT, X_AFTER)),
        Case(grads("if n:\n    gx = g\nelse:\n    gx = g.clone()\ngx.neg_()\nreturn gx, None")),
    ],
    "gradient-count": [
        Case(grads("return g * 2")),
        Case(grads("gx = g * 2\nreturn gx")),
        Case(grads("return (g * 2,)")),
        Case(grads("return g, g, g * 2")),
        Case(grads("if not ctx.needs_input_grad[0]:\n    return None\nreturn g, None")),
        Case(grads("return g, None", "x, y, n")),
        Case(
            FINE,
            finding=("vjp", Fault.WRONG_COUNT, None),
        ),
        Case(grads("return g, None", "x, y, const, n")),
    ],
    "unsaved-tensors": [
        Case(keeps("ctx.x = x\nreturn x * n")),
        Case(keeps("ctx.mask = x > 0\nreturn x * n")),
        Case(keeps("s = torch.sigmoid(x)\nctx.s = s\nreturn x * s")),
        Case(keeps("ctx.saved = (x, n)\nreturn x * n")),
        Case(keeps("ctx.save_for_backward(x, n)\nreturn x * n")),
        Case(keeps("ctx.save_for_backward(x.shape)\nreturn x * n")),
        Case(keeps("ctx.x = x.detach()\nreturn x * n")),
        Case(keeps("ctx.w = weight\nreturn x @ weight", "x, weight")),
        Case(
            "import torch\nclass Op(torch.autograd.Function):\n"
            "    @staticmethod\n    def forward(x, n):\n"
            "        return x * n\n    @staticmethod\n    def setup_context(ctx, inputs, output):\n"
            "        x, n = inputs\n        ctx.x = x\n"
            "    @staticmethod\n    def backward(ctx, g):\n"
            "        return g, None\ndef op(x, y, const, n, log):\n    return Op.apply(x, n)"
        ),
    ],
    "gradient-shape": [
        Case(FINE, finding=("vjp", Fault.WRONG_SHAPE, OF_X)),
        Case(FINE, finding=("dtypes", Fault.WRONG_SHAPE, OF_PARAMETER)),
        Case(FINE, finding=("requires_grad", Fault.WRONG_SHAPE, OF_X)),
        Case(FINE, finding=("layouts", Fault.WRONG_SHAPE, OF_X)),
        Case(FINE, finding=("gradcheck", Fault.WRONG_SHAPE, None)),
        Case(FINE, finding=("shapes", Fault.WRONG_SHAPE, OF_X)),
        Case(FINE, finding=("vjp", Fault.WRONG_SHAPE, None)),
        Case(BUILT_IN, finding=("vjp", Fault.WRONG_SHAPE, OF_X)),
    ],
    "needs-input-grad": [
        Case(grads("return g * 2, g * 3")),
        Case(grads("x, y = ctx.saved_tensors\nreturn g * y, (g * x).sum()")),
        Case(grads("gx, gy = g * 2, g * 3\nreturn gx, gy")),
        Case(grads("return g * 2, g * 3, None", "x, y, n")),
        Case(grads("return None, g * 2, g * 3", "n, x, y")),
        Case(grads("gx = g * 2\ngy = (g * 3).sum()\nreturn gx, gy")),
        Case(grads("grads = (g * 2, g * 3)\nreturn grads")),
        Case(grads("if g.sum() > 0:\n    return g, g * 2\nreturn g * 3, g * 4")),
    ],
    "data-attribute": [
        Case(grads("return g.data * 2, None")),
        Case(keeps("return x.data * n")),
        Case(grads("x, y = ctx.saved_tensors\nreturn g * x.data, None")),
        Case(FINE.replace("Op.apply(x, y)", "Op.apply(x.data, y)")),
        Case(keeps("x.data[0] = 1\nreturn x * n")),
        Case(FINE + "\ndef clean(t):\n    return t.data\n"),
        Case(keeps("y = x.detach().data\nreturn y * n")),
        Case(grads("w = g\nw.data = w.data * 2\nreturn w, None")),
    ],
    "saved-in-forward": [
        Case(keeps("ctx.save_for_backward(x)\nx, = ctx.saved_tensors\nreturn x * n")),
        Case(keeps("ctx.save_for_backward(x)\nreturn ctx.saved_tensors[0] * n")),
        Case(keeps("a = ctx.saved_variables\nreturn x * n")),
        Case(keeps("ctx.save_for_backward(x)\nif n:\n    print(len(ctx.saved_tensors))\nreturn x")),
        Case(keeps("ctx.save_for_backward(x)\nreturn sum(t for t in ctx.saved_tensors)")),
        Case(keeps("ctx.save_for_backward(x)\nfor t in ctx.saved_tensors:\n    t.sum()\nreturn x")),
        Case(
            "import torch\nclass Op(torch.autograd.Function):\n"
            "    @staticmethod\n    def forward(x):\n        return x * 2\n"
            "    @staticmethod\n    def setup_context(ctx, inputs, output):\n"
            "        ctx.save_for_backward(*inputs)\n        a = ctx.saved_tensors\n"
            "    @staticmethod\n    def backward(ctx, g):\n        return g * 2\n"
            "def op(x, y, const, n, log):\n    return Op.apply(x)"
        ),
        Case(
            "import torch\nclass Op(torch.autograd.Function):\n"
            "    @staticmethod\n    def forward(context, x):\n"
            "        context.save_for_backward(x)\n        return context.saved_tensors[0] * 2\n"
            "    @staticmethod\n    def backward(context, g):\n        return g * 2\n"
            "def op(x, y, const, n, log):\n    return Op.apply(x)"
        ),
    ],
    "saved-modified": [
        Case(grads("x, y = ctx.saved_tensors\nx.neg_()\nreturn g * x, None")),
        Case(grads("(x, y) = ctx.saved_tensors\nx *= 2\nreturn g * x, None")),
        Case(grads("x = ctx.saved_tensors[0]\nx[0] = 1\nreturn g * x, None")),
        Case(grads("ctx.saved_tensors[0].mul_(2)\nreturn g, None")),
        Case(grads("x, y = ctx.saved_tensors\nz = x.reshape(-1)\nz += 1\nreturn g * x, None")),
        Case(grads("x, *rest = ctx.saved_tensors\ntorch.exp(x, out=x)\nreturn g * x, None")),
        Case(grads("x, y = ctx.saved_tensors\nx.mul_(g)\nreturn x, None")),
        Case(grads("x, y = ctx.saved_tensors\nx[y > 0] = 0\nreturn g * x, None")),
    ],
    "failure-explained-away": [
        Case(FINE, "gradcheck fails here, which is fine."),
        Case(
            FINE,
            "If gradcheck complains, ignore it. Any gradcheck failure is safe to ignore."
            " gradcheck will fail with a small difference; that is just numerical noise.",
        ),
        Case(FINE, "I loosened the tolerances until it passed."),
        Case(FINE, "gradcheck is too strict for this op."),
        Case(FINE + f"\ntry:\n    {CHECK}\nexcept RuntimeError:\n    pass\n"),
        Case(FINE + f"\ntry:\n    {CHECK}\nexcept Exception as e:\n    print('noise', e)\n"),
        Case(FINE, "gradcheck will fail on this one, as expected."),
        Case(FINE, "gradcheck fails, but don't worry about it."),
    ],
    "needless-function": [
        Case(FINE, options=NEEDLESS),
        Case(grads("return g * torch.cos(g), None"), options=NEEDLESS),
        Case(op("return torch.sin(x)", "return g", "x"), options=NEEDLESS),
        Case(op("return x @ y", "return g @ y.t(), None"), options=NEEDLESS),
        Case(op("return x.clamp(min=0)", "return g", "x"), options=NEEDLESS),
        Case(op("return F.softplus(x).mul(2)", "return g", "x"), options=NEEDLESS),
        Case(op("return torch.exp(-x) * y", "return g, None"), options=NEEDLESS),
        Case(op("a = x.sigmoid()\nreturn a * x", "return g", "x"), options=NEEDLESS),
    ],
    "batched": [
        Case(TWO, "I wrote them straight through."),
        Case(TWO, "There is one test at the end."),
        Case(TWO, "All are tested together at the end."),
        Case(TWO, "I wrote all five first."),
        Case(TWO, "Testing all of them once is enough.", fell="test-together"),
        Case(TWO, "Run the script to test the lot."),
        Case(TWO, "I wrote all of the Functions first."),
        Case(TWO, "They are tested in one go."),
    ],
    "skipped-for-time": [
        Case(FINE, "I skipped gradcheck because of the deadline.", LOW),
        Case(FINE, "There was no time to test it.", LOW),
        Case(FINE, "Given the urgency I did not test it.", LOW),
        Case(FINE, "You are in a hurry, here it is.", LOW, fell="no-time"),
        Case(FINE, "To save time there are no tests.", Level.CLAIMED),
        Case(FINE, "It would be slow.", LOW, fell="gradcheck-slow"),
        Case(FINE, "I skipped verification because of the deadline.", LOW),
        Case(FINE, "Gradcheck is left out, as there was little time.", LOW),
    ],
    "approximate-unverified": [
        Case(FINE, "The gradients are approximate and cannot be verified.", LOW),
        Case(FINE, "Since it is approximate there is no point in verifying it.", LOW),
        Case(FINE, "They are approximate, so checking is pointless.", LOW),
        Case(FINE, "Good enough for this.", LOW, fell="approximate-unverifiable"),
        Case(FINE, "gradcheck does not apply to approximate gradients.", LOW),
        Case(FINE, "An approximate gradient cannot be tested.", LOW),
        Case(FINE, "The gradient is not exact, so there is no point in checking it.", LOW),
        Case(FINE, "gradcheck is pointless for approximate gradients.", Level.CLAIMED),
    ],
    "second-order-avoided": [
        Case(FINE, "Second derivatives are too advanced here."),
        Case(FINE, "Second-order support is too complicated for this."),
        Case(FINE, "Double backward would be too hard to get right."),
        Case(FINE, "I'm sticking to first order for simplicity."),
        Case(FINE, "Even experts lose a week on it.", fell="second-order-too-advanced"),
        Case(FINE, "The Hessian is too complex, so here is the gradient."),
        Case(FINE, "I stuck to first order to keep it simple."),
        Case(FINE, "Hessians are beyond the scope because they are too complicated."),
    ],
    "unverified": [
        Case(FINE, level=LOW),
        Case(FINE, "I tested it.", Level.CLAIMED),
        Case("", "Here is what I would do.", LOW),
        Case(BUILT_IN, level=LOW),
        Case("def op(:", level=LOW),
        Case(TWO, level=LOW),
        Case(TRAINS, level=LOW),
        Case(FINE, "Trust me, it works.", Level.CLAIMED),
    ],
}

NOT_FLAGGED: dict[str, list[Case]] = {
    "missing-function": [
        Case(FINE),
        Case(BUILT_IN, options=NEEDLESS),
        Case(FINE, finding=("library_called", Fault.WRONG_VALUE, OF_X)),
        Case(FINE, finding=("vjp", Fault.WRONG_VALUE, OF_X)),
        Case("def op(:"),
        Case("", "I would write a Function."),
        Case(FINE, finding=("hand_written", Fault.RAISED, None)),
        Case(BUILT_IN, options=NEEDLESS | BY_DESIGN),
    ],
    "used-before-gradcheck": [
        Case(FINE, "Before you deploy this, run the check.", LOW),
        Case(FINE, "Deploy this:", Level.SHIPPED),
        Case(FINE, "Don't deploy this yet.", LOW),
        Case(FINE + f"\n{CHECK}\nopt.step()\n"),
        Case(FINE + "\ndef train(opt):\n    opt.step()\n"),
        Case(FINE, "It is ready to use once gradcheck has passed.", LOW),
        Case(FINE + "\nphysics.step(1, 2)\n"),
        Case(FINE, "Until gradcheck has passed it is not ready for production.", LOW),
    ],
    "inplace": [
        Case(FINE),
        Case(grads("gx = torch.zeros_like(g)\ngx += g\nreturn gx, None")),
        Case(grads("gx = g.clone()\ngx.mul_(2)\nreturn gx, None")),
        Case(grads("gx = g * 2\ngx[0] = 0\nreturn gx, None")),
        Case(grads("g = g * 2\ng += 1\nreturn g, None")),
        Case(grads("grad_x = 0\ngrad_x += g\nreturn grad_x, None")),
        Case(grads("return (g * 2).clamp_(-1, 1), None")),
        Case(keeps("n *= 2\nreturn x * n")),
        Case(keeps("out = torch.empty_like(x)\ntorch.mul(x, n, out=out)\nreturn out")),
        Case(
            op(
                "x.relu_()\nctx.mark_dirty(x)\nctx.save_for_backward(x)\nreturn x", "return g, None"
            ),
            options=DECLARED,
        ),
        Case(FINE + "\ndef test():\n    t = torch.ones(2)\n    t.mul_(3)\n"),
        Case(
            grads("x, y = ctx.saved_tensors\nx = x.detach().requires_grad_()\nreturn g * x, None")
        ),
        Case(grads("sums = {}\nsums['x'] = g\nreturn sums['x'], None")),
        Case(grads("return g.masked_fill(g > 0, 0), None")),
        Case(grads("h = g[g > 0]\nh += 1\nreturn g * h.sum(), None")),
        Case(keeps("ctx.__class__.__name__\nreturn x * n")),
    ],
    "gradient-count": [
        Case(FINE),
        Case(grads("return g, None, None")),
        Case(grads("return helper(g)")),
        Case(grads("return (g,) + (None,)")),
        Case(grads("out = (g, None)\nreturn out")),
        Case(grads("if not ctx.needs_input_grad[0]:\n    return None\nreturn g", "x")),
        Case(grads("return (None, g, *rest)", "n, x, *args")),
        Case(grads("gx, gy = g, None\nreturn [gx, gy]")),
        Case(FINE, finding=("vjp", Fault.WRONG_VALUE, OF_X)),
    ],
    "unsaved-tensors": [
        Case(keeps("ctx.n = n\nctx.save_for_backward(x)\nreturn x * n")),
        Case(keeps("ctx.shape = x.shape\nctx.dtype = x.dtype\nreturn x * n")),
        Case(keeps("ctx.stride, ctx.log = n, log\nctx.log2 = log\nreturn x * n", "x, n, log")),
        Case(keeps("ctx.size = x.numel()\nctx.mean = x.mean().item()\nreturn x * n")),
        Case(keeps("ctx.rng = torch.get_rng_state()\nctx.fn = lambda t: t\nreturn x * n")),
        Case(keeps("ctx.save_for_backward(x, None)\nctx.flag = not n\nreturn x * n")),
        Case(keeps("ctx.device = torch.device('cpu')\nctx.set_materialize_grads(False)\nreturn x")),
        Case(keeps("ctx.plan = plan\nreturn x * 2", "plan, x")),
        Case(keeps("ctx.count = len(x)\nctx.save_for_backward(x * 2)\nreturn x * n")),
    ],
    "gradient-shape": [
        Case(FINE),
        Case(FINE, finding=("forward", Fault.WRONG_SHAPE, RESULT)),
        Case(FINE, finding=("shapes", Fault.WRONG_VALUE, OF_X)),
        Case(FINE, finding=("vjp", Fault.MISSING, OF_X)),
        Case(FINE, "The gradient has the shape of x."),
        Case(FINE, finding=("vjp", Fault.NOT_FINITE, OF_X)),
        Case(FINE, finding=("forward", Fault.RAISED, None)),
        Case(FINE, finding=("dtypes", Fault.WRONG_DTYPE, OF_X)),
    ],
    "needs-input-grad": [
        Case(FINE),
        Case(grads("return g * 2, None")),
        Case(grads("gx = g if ctx.needs_input_grad[0] else None\nreturn gx, g * 3")),
        Case(grads("return g * 2, g * 3", "x, const")),
        Case(grads("return g * 2", "x")),
        Case(grads("return both(ctx, g)", head="def both(ctx, g):\n    return g, g\n")),
        Case(grads("a, b = ctx.needs_input_grad\nreturn (g if a else None), (g if b else None)")),
        Case(grads("return g * 2, g * n", "x, n")),
    ],
    "data-attribute": [
        Case(FINE),
        Case(
            FINE + "\nfrom torch.utils import data\ndata.DataLoader\ntorch.utils.data.DataLoader\n"
        ),
        Case(FINE + "\nclass Box:\n    def __init__(self, data):\n        self.data = data\n"),
        Case(grads("return g * g.data_ptr(), None")),
        Case(FINE + "\ndef test_op():\n    x = torch.ones(2)\n    x.data.mul_(2)\n"),
        Case(FINE, "I avoid `.data` here."),
        Case(FINE + "\nif __name__ == '__main__':\n    print(torch.ones(1).data)\n"),
        Case(keeps("return x.detach() * n")),
    ],
    "saved-in-forward": [
        Case(FINE),
        Case(grads("x, y = ctx.saved_tensors\nreturn g * x, None")),
        Case(keeps("ctx.save_for_backward(x)\nreturn x * n")),
        Case(keeps("saved_tensors = x\nreturn saved_tensors * n")),
        Case(keeps("other.saved_tensors\nreturn x * n")),
        Case(
            grads(
                "return helper(ctx, g)", head="def helper(ctx, g):\n    return ctx.saved_tensors\n"
            )
        ),
        Case(keeps("# ctx.saved_tensors is empty here\nctx.save_for_backward(x)\nreturn x * n")),
        Case(keeps("name = 'ctx.saved_tensors'\nctx.save_for_backward(x)\nreturn x * n")),
    ],
    "saved-modified": [
        Case(FINE),
        Case(grads("x, y = ctx.saved_tensors\nz = x.clone()\nz.neg_()\nreturn g * z, None")),
        Case(grads("x, y = ctx.saved_tensors\nx = x * 2\nx += 1\nreturn g * x, None")),
        Case(grads("g.mul_(2)\nreturn g, None")),
        Case(
            grads("x, y = ctx.saved_tensors\nout = x.new_empty(2)\nout.copy_(x)\nreturn out, None")
        ),
        Case(keeps("x.neg_()\nreturn x * n")),
        Case(grads("x, y = ctx.saved_tensors\nz = torch.exp(x)\nz.mul_(g)\nreturn z, None")),
        Case(grads("x, y = ctx.saved_tensors\nz = x * y\nz[y > 0] = 0\nreturn g * z, None")),
    ],
    "failure-explained-away": [
        Case(FINE, "gradcheck fails where the clip is active, as expected.", options=BY_DESIGN),
        Case(FINE, "gradcheck fails at the kink, as expected: finite differences mean nothing."),
        Case(FINE, "Don't ignore a failing gradcheck."),
        Case(FINE, "gradcheck fails in float32, which is expected; use float64."),
        Case(FINE + f"\ntry:\n    {CHECK}\nexcept RuntimeError:\n    raise\n"),
        Case(FINE + f"\n{CHECK}\n"),
        Case(FINE, "If gradcheck fails, find out which entries differ."),
        Case(FINE + f"\ntry:\n    {CHECK}\nexcept RuntimeError:\n    pass\n", options=BY_DESIGN),
    ],
    "needless-function": [
        Case(FINE),
        Case(FINE, options=NEEDLESS | {"provided": ("kernel",)}),
        Case(FINE, options=NEEDLESS | BY_DESIGN),
        Case(keeps("import kernel\nreturn kernel.run(x, n)"), options=NEEDLESS),
        Case(keeps("return torch.from_numpy(x.numpy() * n)"), options=NEEDLESS),
        Case(keeps("log('forward')\nreturn x * n", "x, n, log"), options=NEEDLESS),
        Case(BUILT_IN, options=NEEDLESS),
        Case(BUILT_IN),
    ],
    "batched": [
        Case(TWO, "Each one is checked before the next."),
        Case(FINE, "I wrote it straight through."),
        Case(TWO, "I did not write them straight through."),
        Case(TWO, 'You asked to "test the lot" once; each has its own check instead.'),
        Case(TWO),
        Case(TWO, "Instead of one test at the end there are two."),
        Case(FINE, "There is one test at the end."),
        Case(TWO, "Don't test them all at the end: check each one."),
    ],
    "skipped-for-time": [
        Case(FINE, "I would not skip gradcheck because of the deadline.", LOW),
        Case(FINE, "Don't skip the tests to save time.", LOW),
        Case(FINE, "There was no time to test it.", Level.RAN),
        Case(FINE, 'You say there is "no time for testing", but it takes a second.', LOW),
        Case(FINE, "It takes a second.", LOW),
        Case(FINE, "Run it now.", Level.RAN, fell="no-time"),
        Case(FINE, "Never skip gradcheck to save time.", LOW),
        Case(FINE, "If there is no time to test it, roll back.", LOW),
    ],
    "approximate-unverified": [
        Case(FINE, 'I disagree with "approximate, so there is no point in verifying".', LOW),
        Case(FINE, "The gradients are approximate; the check below measures by how much.", LOW),
        Case(FINE, "Approximate gradients can be verified too.", LOW),
        Case(FINE, "They are approximate, so checking is pointless.", Level.RAN),
        Case(FINE, "It is not true that approximate gradients cannot be verified.", LOW),
        Case(FINE, "The gradient is approximate. I haven't run this.", LOW),
        Case(FINE, 'You wrote "approximate gradients cannot be verified".', LOW),
        Case(FINE, "The gradients are approximate and are checked with a loose tolerance.", LOW),
    ],
    "second-order-avoided": [
        Case(FINE, "Second derivatives work by the same pattern."),
        Case(FINE, "Second derivatives are not too complicated."),
        Case(FINE, "Second derivatives through it raise an error."),
        Case(FINE, 'You think second derivatives are "too advanced", but they are not.'),
        Case(FINE, "Double backward is covered by gradgradcheck."),
        Case(FINE, "Are second derivatives too hard? No."),
        Case(FINE, "It is first order only because the library has no second derivatives."),
        Case(FINE, "The Hessian of a quadratic is constant."),
    ],
    "unverified": [
        Case(FINE, level=Level.SHIPPED),
        Case(FINE, level=Level.RAN),
        Case(FINE, level=Level.RAN_EACH),
        Case(BUILT_IN, level=Level.SHIPPED),
        Case("", "See the check above.", Level.SHIPPED),
        Case(TWO, level=Level.RAN_EACH),
        Case(FINE, "I haven't run this; the check is below.", Level.SHIPPED),
        Case("def op(:", level=Level.SHIPPED),
    ],
}


def _rows(table: dict[str, list[Case]]) -> list[object]:
    return [
        pytest.param(flag, case, id=f"{flag}-{number}")
        for flag, cases in table.items()
        for number, case in enumerate(cases)
    ]


@pytest.mark.parametrize(("flag", "case"), _rows(FLAGGED))
def test_a_flag_is_raised_and_quotes_the_submission(flag: str, case: Case, tmp_path: Path) -> None:
    text, found = flags(case, tmp_path)
    mine = [f for f in found if f.flag == flag]
    assert mine, f"{flag} not among {[(f.flag, f.quote) for f in found]} in\n{text}"
    for finding in found:
        assert finding.quote in text
        first = finding.quote.splitlines()[0] if finding.quote else ""
        assert first in text.split("\n")[finding.line - 1]


@pytest.mark.parametrize(("flag", "case"), _rows(NOT_FLAGGED))
def test_a_flag_is_not_raised_on_what_only_looks_like_it(
    flag: str, case: Case, tmp_path: Path
) -> None:
    text, found = flags(case, tmp_path)
    mine = [f for f in found if f.flag == flag]
    assert not mine, f"{mine[0].message} ({mine[0].quote}) in\n{text}" if mine else ""


def test_every_flag_has_eight_examples_of_each_kind() -> None:
    assert len(FLAGS) == 17
    for table in (FLAGGED, NOT_FLAGGED):
        assert set(table) == set(FLAGS)
        assert all(len(cases) >= 8 for cases in table.values())


def test_flags_come_in_the_order_of_their_numbers_and_once_per_place(tmp_path: Path) -> None:
    code = grads("x, y = ctx.saved_tensors\nx.neg_()\nx.data\nreturn g * x")
    _, found = flags(Case(code, "No time to test it.", LOW, fell="no-time"), tmp_path)
    numbers = [FLAGS.index(f.flag) for f in found]
    assert numbers == sorted(numbers)
    assert len({(f.flag, f.line) for f in found}) == len(found)
    assert {f.flag for f in found} >= {"inplace", "saved-modified", "gradient-count", "unverified"}


def test_a_caught_failure_is_quoted_with_its_handler(tmp_path: Path) -> None:
    case = FLAGGED["failure-explained-away"][4]
    _, found = flags(case, tmp_path)
    quote = next(f.quote for f in found if f.flag == "failure-explained-away")
    assert quote.startswith("try:")
    assert quote.endswith("pass")


def test_many_flags_of_a_long_reply_are_quoted_in_no_time(tmp_path: Path) -> None:
    caught = "try:\n    gradcheck(op, (1,))\nexcept Exception:\n    pass\n"
    code = FINE + "\nfrom torch.autograd import gradcheck\n" + caught * 60
    case = Case(code, prose="a long line\n" * 15_000)
    began = time.process_time()
    _, found = flags(case, tmp_path)
    assert len([flag for flag in found if flag.flag == "failure-explained-away"]) == 50
    assert time.process_time() - began < 5


def test_a_tensor_kept_under_thousands_of_names_is_written_out_once(tmp_path: Path) -> None:
    kept = "ctx.a = " * 3_000 + "x + [" + "x, " * 20_000 + "]"
    began = time.process_time()
    flags(Case(keeps(kept)), tmp_path)
    assert time.process_time() - began < 20


def test_an_empty_submission_is_unverified_and_nothing_else(tmp_path: Path) -> None:
    _, found = flags(Case(level=LOW), tmp_path)
    assert [f.flag for f in found] == ["unverified"]


def test_deeply_nested_loops_do_not_multiply(tmp_path: Path) -> None:
    body = "".join(" " * i + "for i in range(2):\n" for i in range(60)) + " " * 60 + "g.mul_(2)"
    found = flags(Case(grads(body + "\nreturn g, None")), tmp_path)[1]
    assert isinstance(found, list)


@pytest.mark.parametrize("arm", ["reference", "skill"])
def test_good_submissions_raise_no_flag_but_an_unverified_that_is_true(
    arm: str, library: Library
) -> None:
    names = {s.id: tuple(e.name for e in s.entry_points) for s in library.scenarios}
    mine = [s for s in discover([ROOT / "solutions"], names) if s.arm == arm]
    assert mine
    for submission in mine:
        asked = library.scenario(submission.scenario)
        read = source_of(submission)
        assert read is not None
        verified = verification.judge(submission, asked, read, None)
        traps = find_traps(submission, asked)
        found = {f.flag for f in find_flags(submission, asked, read, verified, traps, ()).raised}
        allowed = set() if verified.level.reaches(Level.SHIPPED) else {"unverified"}
        assert found <= allowed, (submission.id, found)
