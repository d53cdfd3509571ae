"""Right solutions, written in many ways: formulas × ways of writing a Function.

All of them keep the promise of their scenario. What a grader says against one is a false alarm.
"""

# Formulas and programs stand on one line each.
# ruff: noqa: E501

from __future__ import annotations

import random
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from variants_whole import WHOLE


@dataclass(frozen=True)
class Variant:
    """One right solution."""

    scenario: str
    name: str
    source: str


@dataclass(frozen=True)
class Formula:
    """An operation as lines of code, to be put into one of several moulds."""

    # Entry point and what distinguishes this way of computing it.
    entry: str
    name: str
    # Statements that compute ``y`` from the arguments.
    forward: str
    # Names kept for backward: arguments, or ``y``, or other names that forward defines.
    saved: str
    # Statements that compute ``d_<argument>`` for each tensor from ``g`` and what was saved.
    backward: str
    tensors: tuple[str, ...] = ("x",)
    # Other arguments, as they stand in the signature.
    numbers: tuple[str, ...] = ()
    # Whether it may be flattened or recast outside the Function without changing its meaning.
    elementwise: bool = True
    imports: str = ""
    # Whether the backward, as it stands, is right when it is differentiated.
    twice: bool = True

    @property
    def arguments(self) -> tuple[str, ...]:
        return (*self.tensors, *(n.split("=")[0].split(":")[0] for n in self.numbers))

    @property
    def cls(self) -> str:
        return "".join(part.title() for part in self.entry.split("_"))


HEADER = """\
import math
import torch
import torch.nn.functional as F
from torch.autograd import Function
from torch.autograd.function import once_differentiable
"""


def _indent(text: str, levels: int) -> str:
    return textwrap.indent(textwrap.dedent(text).strip(), "    " * levels)


def plain(f: Formula, decorator: str = "", prologue: str = "", masked: bool = False) -> str:
    """``forward(ctx, …)`` and ``backward(ctx, g)``."""
    names = [name for name in (n.strip() for n in f.saved.split(",")) if name]
    numbers = f.arguments[len(f.tensors) :]
    keep = "\n".join(f"ctx.{n} = {n}" for n in numbers)
    back = "\n".join(f"{n} = ctx.{n}" for n in numbers)
    grads = [f"d_{t}" for t in f.tensors]
    if masked:
        grads = [f"d_{t} if ctx.needs_input_grad[{i}] else None" for i, t in enumerate(f.tensors)]
    returned = ", ".join([*grads, *["None"] * len(numbers)])
    saved = (
        f"({f.saved},) = ctx.saved_tensors" if len(names) == 1 else f"{f.saved} = ctx.saved_tensors"
    )
    body = [
        f"class {f.cls}(Function):",
        "    @staticmethod",
        f"    def forward(ctx, {', '.join(f.arguments)}):",
        _indent(f.forward, 2),
        _indent(f"ctx.save_for_backward({f.saved})" if names else "pass", 2),
        _indent(keep, 2),
        _indent(prologue, 2),
        "        return y",
        "    @staticmethod",
        f"    {decorator}" if decorator else "",
        "    def backward(ctx, g):",
        _indent(saved if names else "pass", 2),
        _indent(back, 2),
        _indent(f.backward, 2),
        f"        return {returned}",
    ]
    return "\n".join(line for line in body if line.strip())


def setup(f: Formula, rule: bool) -> str:
    """``forward(…)`` with ``setup_context`` and a vmap rule."""
    if any(n.strip() not in (*f.arguments, "y", "") for n in f.saved.split(",")):
        return ""
    numbers = f.arguments[len(f.tensors) :]
    names = [n for n in f.saved.split(",") if n.strip()]
    saved = (
        f"({f.saved},) = ctx.saved_tensors" if len(names) == 1 else f"{f.saved} = ctx.saved_tensors"
    )
    returned = ", ".join([*(f"d_{t}" for t in f.tensors), *["None"] * len(numbers)])
    vmap = (
        "    generate_vmap_rule = True"
        if rule
        else "    @staticmethod\n    def vmap(info, in_dims, *args):\n"
        "        raise NotImplementedError('no batching rule')"
    )
    body = [
        f"class {f.cls}(torch.autograd.Function):",
        vmap,
        "    @staticmethod",
        f"    def forward({', '.join(f.arguments)}):",
        _indent(f.forward, 2),
        "        return y",
        "    @staticmethod",
        "    def setup_context(ctx, inputs, output):",
        f"        {', '.join(f.arguments)}, = inputs",
        "        y = output",
        _indent("\n".join(f"ctx.{n} = {n}" for n in numbers), 2),
        _indent(f"ctx.save_for_backward({f.saved})" if names else "pass", 2),
        "    @staticmethod",
        "    def backward(ctx, g):",
        _indent(saved if names else "pass", 2),
        _indent("\n".join(f"{n} = ctx.{n}" for n in numbers), 2),
        _indent(f.backward, 2),
        f"        return {returned}",
    ]
    return "\n".join(line for line in body if line.strip())


def second(f: Formula) -> str:
    """The gradient is a Function of its own that refuses to be differentiated."""
    if not f.saved.strip():
        return ""
    numbers = f.arguments[len(f.tensors) :]
    names = [n.strip() for n in f.saved.split(",")]
    saved = (
        f"({f.saved},) = ctx.saved_tensors" if len(names) == 1 else f"{f.saved} = ctx.saved_tensors"
    )
    listed = ", ".join(["g", *names, *numbers])
    count = len(f.tensors)
    packed = f"d_{f.tensors[0]}" if count == 1 else ", ".join(f"d_{t}" for t in f.tensors)
    given = ", ".join(["g", *names, *(f"ctx.{n}" for n in numbers)])
    returned = "found," if count == 1 else "*found,"
    return "\n".join(
        line
        for line in [
            f"class {f.cls}Gradient(Function):",
            "    @staticmethod",
            f"    def forward(ctx, {listed}):",
            _indent(f.backward, 2),
            f"        return {packed}",
            "    @staticmethod",
            "    def backward(ctx, *grads):",
            "        raise NotImplementedError('differentiate once only')",
            f"class {f.cls}(Function):",
            "    @staticmethod",
            f"    def forward(ctx, {', '.join(f.arguments)}):",
            _indent(f.forward, 2),
            f"        ctx.save_for_backward({f.saved})",
            _indent("\n".join(f"ctx.{n} = {n}" for n in numbers), 2),
            "        return y",
            "    @staticmethod",
            "    def backward(ctx, g):",
            f"        {saved}",
            f"        found = {f.cls}Gradient.apply({given})",
            f"        return {returned} {', '.join(['None'] * len(numbers))}",
        ]
        if line.strip()
    )


def wrap(f: Formula, how: str) -> str:
    """The entry point around the Function."""
    signature = ", ".join([*f.tensors, *f.numbers])
    call = ", ".join(f.arguments)
    first, *rest = f.arguments
    others = "".join(f", {r}" for r in rest)
    match how:
        case "apply":
            return f"{f.entry} = {f.cls}.apply"
        case "lambda":
            return f"{f.entry} = lambda {signature}: {f.cls}.apply({call})"
        case "flat":
            return (
                f"def {f.entry}({signature}):\n"
                f"    return {f.cls}.apply({first}.reshape(-1){others}).reshape({first}.shape)"
            )
        case "double":
            cast = ", ".join(
                [*(f"{t}.double()" for t in f.tensors), *f.arguments[len(f.tensors) :]]
            )
            return (
                f"def {f.entry}({signature}):\n    return {f.cls}.apply({cast}).to({first}.dtype)"
            )
        case "contiguous":
            return f"def {f.entry}({signature}):\n    return {f.cls}.apply({first}.contiguous(){others})"
        case "module":
            return (
                f"class {f.cls}Layer(torch.nn.Module):\n    def forward(self, {signature}):\n"
                f"        return {f.cls}.apply({call})\n{f.entry} = {f.cls}Layer()"
            )
        case "checked":
            return (
                f"def {f.entry}({signature}):\n    if not {first}.is_floating_point():\n"
                f"        raise TypeError('expected floating point')\n    return {f.cls}.apply({call})"
            )
    return f"def {f.entry}({signature}):\n    return {f.cls}.apply({call})"


MOULDS = ("plain", "once", "masked", "setup", "vmap", "second", "lazy")


def mould(f: Formula, how: str) -> str:
    match how:
        case "once":
            return plain(f, "@once_differentiable")
        case "masked":
            return plain(f, masked=True)
        case "setup":
            return setup(f, rule=False)
        case "vmap":
            return setup(f, rule=True)
        case "second":
            return second(f)
        case "lazy":
            none = f"if g is None:\n    return {', '.join(['None'] * len(f.arguments))}\n"
            lazy = Formula(**{**vars(f), "backward": none + textwrap.dedent(f.backward).strip()})
            return plain(lazy, prologue="ctx.set_materialize_grads(False)")
    return plain(f)


SWISH = [
    ("x * torch.sigmoid(beta * x)", "x, beta", "s * (1 + z * (1 - s))", "(g * x * x * s * (1 - s)).sum()"),
    ("x * torch.special.expit(x * beta)", "x, beta", "s + z * s * (1 - s)", "(g * x.square() * s * (1 - s)).sum()"),
    ("x / (1 + torch.exp(-beta * x))", "x, beta", "s + z * (s - s * s)", "torch.dot(g.reshape(-1), (x * x * (s * (1 - s))).reshape(-1))"),
    ("0.5 * x * (1 + torch.tanh(0.5 * beta * x))", "x, beta", "s + z * s * torch.sigmoid(-z)", "torch.einsum('i,i->', g.flatten(), (x * x * s * torch.sigmoid(-z)).flatten())"),
    ("torch.mul(x, (x * beta).sigmoid())", "x, beta", "torch.ops.aten.sigmoid_backward(z, s) + s", "torch.ops.aten.sigmoid_backward(g * x * x, s)"),
    ("x * torch.exp(F.logsigmoid(beta * x))", "x, beta", "torch.addcmul(s, z, s * (1 - s))", "(g * (x * x * s * (1 - s))).sum().reshape(beta.shape)"),
]  # fmt: skip


def _swish() -> Iterator[Formula]:
    for index, (value, saved, slope, beta) in enumerate(SWISH):
        backward = f"z = beta * x\ns = torch.sigmoid(z)\nd_x = g * ({slope})\nd_beta = {beta}"
        yield Formula(
            "swish_beta",
            f"{index}",
            f"y = {value}",
            saved,
            backward,
            ("x", "beta"),
            elementwise=True,
        )
    yield Formula(
        "swish_beta",
        "keeps-sigmoid",
        "s = torch.sigmoid(beta * x)\ny = x * s",
        "x, beta, s",
        "d_x = g * (s + beta * x * s * (1 - s))\nd_beta = (g * x * x * s * (1 - s)).sum()",
        ("x", "beta"),
        twice=False,
    )


ACTIVATIONS: dict[str, list[tuple[str, str, str]]] = {
    # value, what is kept, d_x
    "mish": [
        ("x * torch.tanh(F.softplus(x))", "x", "t = torch.tanh(F.softplus(x))\nd_x = g * (t + x * torch.sigmoid(x) * (1 - t * t))"),
        ("F.mish(x)", "x", "d_x = torch.ops.aten.mish_backward(g, x)"),
        ("x * torch.tanh(torch.logaddexp(x, torch.zeros_like(x)))", "x", "t = torch.tanh(F.softplus(x))\nd_x = g * (t + x * torch.sigmoid(x) / torch.cosh(F.softplus(x).clamp(max=80)).square())"),
        ("e = torch.exp(x.clamp(max=20))\nn = e * (e + 2)\ny = torch.where(x > 20, x, x * n / (n + 2))", "x", "e = torch.exp(x.clamp(max=20))\nw = 4 * (x + 1) + 4 * e * e + e ** 3 + e * (4 * x + 6)\nd = 2 * e + e * e + 2\nd_x = g * torch.where(x > 20, torch.ones_like(x), e * w / (d * d))"),
    ],
    "gelu": [
        ("0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))", "x", "k = math.sqrt(2 / math.pi)\nt = torch.tanh(k * (x + 0.044715 * x ** 3))\nd_x = g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * k * (1 + 3 * 0.044715 * x * x))"),
        ("F.gelu(x, approximate='tanh')", "x", "d_x = torch.ops.aten.gelu_backward(g, x, approximate='tanh')"),
        ("0.5 * x * (1 + torch.tanh(0.7978845608 * (x + 0.044715 * torch.pow(x, 3))))", "x", "t = torch.tanh(0.7978845608 * x * (1 + 0.044715 * x * x))\nd_x = 0.5 * g * (1 + t + x * (1 - t.square()) * 0.7978845608 * (1 + 0.134145 * x * x))"),
    ],
    "elu": [
        ("torch.where(x > 0, x, alpha * torch.expm1(x.clamp(max=0)))", "x", "d_x = torch.where(x > 0, g, g * alpha * torch.exp(x.clamp(max=0)))"),
        ("F.elu(x, alpha)", "x", "d_x = torch.ops.aten.elu_backward(g, alpha, 1, 1, False, x)"),
        ("x.clamp(min=0) + alpha * torch.expm1(x.clamp(max=0))", "y", "d_x = torch.where(y > 0, g, g * (y + alpha))"),
        ("torch.where(x >= 0, x, alpha * (torch.exp(torch.minimum(x, torch.zeros_like(x))) - 1))", "x", "d_x = g * torch.where(x >= 0, torch.ones_like(x), alpha * x.clamp(max=0).exp())"),
    ],
    "selu": [
        ("F.selu(x)", "x", "d_x = torch.ops.aten.elu_backward(g, 1.6732632423543772, 1.0507009873554805, 1, False, x)"),
        ("1.0507009873554805 * torch.where(x > 0, x, 1.6732632423543772 * torch.expm1(x.clamp(max=0)))", "y", "d_x = torch.where(y > 0, 1.0507009873554805 * g, g * (y + 1.0507009873554805 * 1.6732632423543772))"),
        ("1.0507009874 * (x.clamp(min=0) + 1.6732632424 * torch.expm1(x.clamp(max=0)))", "x", "d_x = g * 1.0507009874 * torch.where(x > 0, torch.ones_like(x), 1.6732632424 * torch.exp(x.clamp(max=0)))"),
        ("torch.nn.functional.elu(x, 1.6732632423543772) * 1.0507009873554805", "x", "d_x = g * 1.0507009873554805 * torch.where(x > 0, torch.ones_like(x), 1.6732632423543772 * torch.exp(torch.clamp(x, max=0)))"),
    ],
}  # fmt: skip


def _activations(entry: str) -> list[Formula]:
    numbers = ("alpha=1.0",) if entry == "elu" else ()
    return [
        Formula(
            entry, f"{i}", value if "y =" in value else f"y = {value}", saved, back, numbers=numbers
        )
        for i, (value, saved, back) in enumerate(ACTIVATIONS[entry])
    ]


FORMULAS: dict[str, list[Formula]] = {
    "learnable-swish": list(_swish()),
    "memory-relu": [
        Formula("memory_relu", "mask", "y = torch.relu(x)\nmask = x > 0", "mask", "d_x = g * mask"),
        Formula("memory_relu", "output", "y = F.relu(x)", "y", "d_x = torch.where(y > 0, g, torch.zeros_like(g))"),
        Formula("memory_relu", "kernel", "y = x.clamp(min=0)", "y", "d_x = torch.ops.aten.threshold_backward(g, y, 0)"),
        Formula("memory_relu", "input", "y = torch.where(x > 0, x, torch.zeros_like(x))", "x", "d_x = g.masked_fill(x <= 0, 0)"),
        Formula("memory_relu", "maximum", "y = torch.maximum(x, x.new_zeros(()))", "x", "d_x = g * (x > 0).to(g.dtype)"),
        Formula("memory_relu", "bytes", "y = x * (x > 0)\nmask = (x > 0).to(torch.uint8)", "mask", "d_x = g.clone()\nd_x[mask == 0] = 0"),
    ],
    "clipped-gradient": [
        Formula("clipped_double", "clamp", "y = 2 * x", "", "d_x = torch.clamp(2 * g, -0.1, 0.1)"),
        Formula("clipped_double", "sum", "y = x + x", "", "d_x = (g + g).clip(-0.1, 0.1)"),
        Formula("clipped_double", "inside", "y = x.mul(2.0)", "", "d_x = 2 * g.clamp(-0.05, 0.05)"),
        Formula("clipped_double", "hardtanh", "y = torch.add(x, x)", "", "d_x = F.hardtanh(g * 2, -0.1, 0.1)"),
        Formula("clipped_double", "where", "y = x * 2", "", "t = 2 * g\nd_x = torch.where(t > 0.1, torch.full_like(t, 0.1), torch.where(t < -0.1, torch.full_like(t, -0.1), t))"),
        Formula("clipped_double", "bounds", "y = 2 * x", "x", "b = x.new_full((), 0.1)\nd_x = torch.minimum(torch.maximum(2 * g, -b), b)"),
    ],
    "kernel-wrapper": [
        Formula("kernel_op", "plain", "y = square_affine(x, alpha, beta)", "x", "d_x = 2 * alpha * x * g", numbers=("alpha", "beta"), imports="from kernel import square_affine"),
        Formula("kernel_op", "module", "y = kernel.square_affine(x.detach(), alpha, beta)", "x", "d_x = g.mul(x).mul(2.0 * alpha)", numbers=("alpha", "beta"), imports="import kernel"),
        Formula("kernel_op", "slope", "y = square_affine(x.contiguous(), alpha, beta)\nslope = 2 * alpha * x", "slope", "d_x = g * slope", numbers=("alpha", "beta"), imports="from kernel import square_affine", twice=False),
        Formula("kernel_op", "power", "y = square_affine(x, float(alpha), float(beta))", "x", "d_x = torch.ops.aten.mul(g, x) * alpha + alpha * (x * g)", numbers=("alpha", "beta"), imports="from kernel import square_affine"),
    ],
    "layer-norm": [
        Formula("layer_norm", "closed", "m = x.mean(-1, keepdim=True)\nv = x.var(-1, unbiased=False, keepdim=True)\ny = (x - m) / torch.sqrt(v + eps)", "x", "m = x.mean(-1, keepdim=True)\nr = torch.rsqrt(x.var(-1, unbiased=False, keepdim=True) + eps)\nh = (x - m) * r\nn = x.shape[-1]\nd_x = r / n * (n * g - g.sum(-1, keepdim=True) - h * (g * h).sum(-1, keepdim=True))", numbers=("eps=1e-5",), elementwise=False),
        Formula("layer_norm", "kernel", "y, mean, rstd = torch.ops.aten.native_layer_norm(x.contiguous(), [x.shape[-1]], None, None, eps)", "x, mean, rstd", "d_x = torch.ops.aten.native_layer_norm_backward(g.contiguous(), x.contiguous(), [x.shape[-1]], mean, rstd, None, None, [True, False, False])[0]", numbers=("eps=1e-5",), elementwise=False, twice=False),
        Formula("layer_norm", "output", "c = x - x.mean(-1, keepdim=True)\nr = (c.pow(2).mean(-1, keepdim=True) + eps).rsqrt()\ny = c * r", "y, r", "d_x = r * (g - g.mean(-1, keepdim=True) - y * (g * y).mean(-1, keepdim=True))", numbers=("eps=1e-5",), elementwise=False, twice=False),
        Formula("layer_norm", "einsum", "v, m = torch.var_mean(x, dim=-1, correction=0, keepdim=True)\ny = (x - m) * (v + eps) ** -0.5", "x", "v, m = torch.var_mean(x, dim=-1, correction=0, keepdim=True)\nr = 1 / torch.sqrt(v + eps)\nh = (x - m) * r\nn = x.size(-1)\nd_x = r * (g - torch.einsum('...i->...', g).unsqueeze(-1) / n - h * torch.einsum('...i,...i->...', g, h).unsqueeze(-1) / n)", numbers=("eps=1e-5",), elementwise=False),
        Formula("layer_norm", "three-terms", "m = x.sum(-1, keepdim=True) / x.shape[-1]\nc = x - m\ny = c / ((c * c).sum(-1, keepdim=True) / x.shape[-1] + eps).sqrt()", "x", "n = x.shape[-1]\nc = x - x.mean(-1, keepdim=True)\ns = ((c * c).mean(-1, keepdim=True) + eps).sqrt()\nd_v = (g * c * -0.5 / s ** 3).sum(-1, keepdim=True)\nd_m = (-g / s).sum(-1, keepdim=True) + d_v * (-2 * c).mean(-1, keepdim=True)\nd_x = g / s + d_v * 2 * c / n + d_m / n", numbers=("eps=1e-5",), elementwise=False),
        Formula("layer_norm", "functional", "y = F.layer_norm(x, x.shape[-1:], eps=eps)", "x", "c = x - x.mean(-1, True)\nr = torch.rsqrt(c.square().mean(-1, True) + eps)\nh = c * r\nd_x = (g - g.mean(-1, True)) * r - h * (g * h).mean(-1, True) * r", numbers=("eps=1e-5",), elementwise=False),
    ],
    "weight-clipped-linear": [
        Formula("clipped_linear", "mm", "y = x.mm(w)", "x, w", "d_x = g.mm(w.t())\nd_w = x.t().mm(g).clamp(-1, 1)", ("x", "w"), elementwise=False),
        Formula("clipped_linear", "einsum", "y = torch.einsum('nk,km->nm', x, w)", "x, w", "d_x = torch.einsum('nm,km->nk', g, w)\nd_w = torch.einsum('nk,nm->km', x, g).clip(-1.0, 1.0)", ("x", "w"), elementwise=False),
        Formula("clipped_linear", "linear", "y = F.linear(x, w.t())", "x, w", "d_x = F.linear(g, w)\nd_w = F.hardtanh(F.linear(x.t(), g.t()))", ("x", "w"), elementwise=False),
        Formula("clipped_linear", "transposed", "y = torch.matmul(x, w)", "x, w", "d_x = (w @ g.t()).t()\nd_w = (g.t() @ x).t().clamp(min=-1, max=1)", ("x", "w"), elementwise=False),
        Formula("clipped_linear", "outer", "y = (x.unsqueeze(-1) * w).sum(1)", "x, w", "d_x = (g.unsqueeze(1) * w).sum(-1)\nd_w = (x.unsqueeze(-1) * g.unsqueeze(1)).sum(0).clamp(-1, 1)", ("x", "w"), elementwise=False),
    ],
    "approximate-physics": [
        Formula("physics_step", "plain", "y = physics.step(state, force)", "state, force", "d_state, d_force = physics.step_vjp(state, force, g)", ("state", "force"), elementwise=False, imports="import physics", twice=False),
        Formula("physics_step", "detached", "y = physics.step(state.detach(), force.detach()).clone()", "state, force", "d_state, d_force = (t.to(g.dtype) for t in physics.step_vjp(state.detach(), force.detach(), g.contiguous()))", ("state", "force"), elementwise=False, imports="import physics", twice=False),
    ],
    "second-order": [
        Formula("quadratic_form", "plain", "y = x @ A @ x", "x, A", "d_x = g * ((A + A.t()) @ x)\nd_A = None", ("x", "A"), elementwise=False),
        Formula("quadratic_form", "einsum", "y = torch.einsum('i,ij,j->', x, A, x)", "x, A", "d_x = g * (torch.einsum('ij,j->i', A, x) + torch.einsum('ji,j->i', A, x))\nd_A = None", ("x", "A"), elementwise=False),
        Formula("quadratic_form", "sum", "y = (x * (A @ x)).sum()", "x, A", "d_x = (A.mv(x) + A.t().mv(x)) * g\nd_A = None", ("x", "A"), elementwise=False),
        Formula("quadratic_form", "outer", "y = (torch.outer(x, x) * A).sum()", "x, A", "s = A + A.mT\nd_x = g * torch.mv(s, x)\nd_A = g * torch.outer(x, x)", ("x", "A"), elementwise=False),
        Formula("quadratic_form", "dot", "y = torch.dot(x, torch.mv(A, x))", "x, A", "d_x = g * (x @ A + A @ x)\nd_A = None", ("x", "A"), elementwise=False),
    ],
}  # fmt: skip

HVP = [
    "def hvp(x, A, v):\n    return A @ v + A.t() @ v",
    "def hvp(x, A, v):\n    return (A + A.T) @ v",
    """\
def hvp(x, A, v):
    with torch.enable_grad():
        p = x.detach().clone().requires_grad_(True)
        (d,) = torch.autograd.grad(quadratic_form(p, A), p, create_graph=True)
        (h,) = torch.autograd.grad(d, p, grad_outputs=v)
    return h
""",
    """\
@torch.enable_grad()
def hvp(x, A, v):
    p = x.detach().requires_grad_()
    (d,) = torch.autograd.grad(quadratic_form(p, A), (p,), create_graph=True)
    (h,) = torch.autograd.grad((d * v.detach()).sum(), (p,))
    return h.detach()
""",
    """\
def hvp(x, A, v):
    return torch.autograd.functional.hvp(lambda p: quadratic_form(p, A), x.detach(), v.detach())[1]
""",
]
ERRORS = [
    """\
def gradient_error(state, force):
    state, force = state.detach().double(), force.detach().double()
    a, b = physics.step_vjp(state, force, torch.ones_like(state))
    worst = 0.0
    for which, found in ((0, a), (1, b)):
        for i in range(state.numel()):
            d = torch.zeros_like(state)
            d[i] = 1e-5
            pair = (state, force)
            plus = tuple(t + d if j == which else t for j, t in enumerate(pair))
            minus = tuple(t - d if j == which else t for j, t in enumerate(pair))
            slope = (physics.step(*plus) - physics.step(*minus)).sum() / 2e-5
            worst = max(worst, abs(float(slope - found[i])))
    return worst
""",
    """\
def gradient_error(state, force):
    ones = torch.ones_like(state)
    found = torch.cat([t.double() for t in physics.step_vjp(state, force, ones)])
    z = torch.cat([state, force]).detach().double()
    n = state.numel()
    f = lambda p: physics.step(p[:n], p[n:]).sum()
    h = 2e-4
    rows = torch.eye(2 * n, dtype=torch.float64) * h
    true = torch.stack([(-f(z + 2 * d) + 8 * f(z + d) - 8 * f(z - d) + f(z - 2 * d)) / (12 * h) for d in rows])
    return torch.linalg.vector_norm(found - true, ord=float('inf')).item()
""",
]


def _singles() -> Iterator[Variant]:
    """Each formula in each mould, wrappers taken in turn."""
    for scenario, formulas in FORMULAS.items():
        for index, formula in enumerate(formulas):
            wrappers = ["def", "apply", "lambda", "checked", "module"]
            if any("=" in n for n in formula.numbers):
                wrappers.remove("apply")
            if formula.elementwise:
                wrappers += ["flat", "double", "contiguous"]
            moulds = [
                m for m in MOULDS if scenario != "second-order" or m not in ("once", "second")
            ]
            for number, how in enumerate(moulds):
                if scenario == "approximate-physics" and how == "vmap":
                    continue
                wrapper = wrappers[(index * 3 + number) % len(wrappers)]
                body = mould(formula, how)
                if not body:
                    continue
                parts = [HEADER, formula.imports, body, wrap(formula, wrapper)]
                if scenario == "second-order":
                    parts.append(HVP[(index + number) % len(HVP)])
                if scenario == "approximate-physics":
                    parts.append(ERRORS[(index + number) % len(ERRORS)])
                name = f"{formula.name}-{how}-{wrapper}"
                yield Variant(scenario, name, "\n".join(parts) + "\n")


def _fives() -> Iterator[Variant]:
    """Files of five activations."""
    groups = [list(_swish())[:6], *(_activations(e) for e in ACTIVATIONS)]
    for number, how in enumerate(MOULDS * 2):
        bodies = []
        for offset, formulas in enumerate(groups):
            formula = formulas[(number + offset * (number // 4)) % len(formulas)]
            body = mould(formula, how) or mould(formula, "plain")
            wrappers = ["def", "flat", "contiguous", "double", "checked", "module"]
            bodies.append(body + "\n" + wrap(formula, wrappers[(number + offset) % len(wrappers)]))
        yield Variant("five-activations", f"{how}-{number}", HEADER + "\n".join(bodies) + "\n")


@dataclass(frozen=True)
class Catalogue:
    """All variants, in a fixed order."""

    entries: tuple[Variant, ...] = field(
        default_factory=lambda: (
            *_singles(),
            *_fives(),
            *(Variant(scenario, name, code) for scenario, name, code in WHOLE),
        )
    )


def sample(scenarios: Sequence[str], count: int, seed: int) -> list[Variant]:
    """At most ``count`` of the variants of ``scenarios``, spread over them."""
    rng = random.Random(seed)
    groups = {s: [v for v in Catalogue().entries if v.scenario == s] for s in scenarios}
    for group in groups.values():
        rng.shuffle(group)
    chosen: list[Variant] = []
    while len(chosen) < count and any(groups.values()):
        for group in groups.values():
            if group and len(chosen) < count:
                chosen.append(group.pop())
    return chosen
