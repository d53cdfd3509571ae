"""Right solutions that fit no mould: ``(scenario, name, code)``."""

# Formulas and programs stand on one line each.
# ruff: noqa: E501

from __future__ import annotations

CONV = """\
import torch
import torch.nn.functional as F

class Conv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, weight, stride, log):
        ctx.save_for_backward(input, weight)
        ctx.stride, ctx.log = stride, log
        {forward}
        {log_forward}
        return y

    @staticmethod
    def backward(ctx, g):
        input, weight = ctx.saved_tensors
        stride = ctx.stride
        {log_backward}
        d_input = d_weight = None
        if ctx.needs_input_grad[0]:
            {d_input}
        if ctx.needs_input_grad[1]:
            {d_weight}
        return d_input, d_weight, None, None

{wrapper}
"""
DEF = "def logged_conv2d(input, weight, stride, log):\n    return Conv.apply(input, weight, stride, log)"
CONV_FORWARDS = (
    "y = F.conv2d(input, weight, stride=stride)",
    "y = torch.conv2d(input, weight, None, (stride, stride))",
    """n, c, h, w = input.shape
        o, _, kh, kw = weight.shape
        columns = F.unfold(input, (kh, kw), stride=stride)
        y = (weight.reshape(o, -1) @ columns).reshape(n, o, (h - kh) // stride + 1, (w - kw) // stride + 1)""",
)
CONV_LOGS = (
    'ctx_log("{0}", {{"mean": {1}.detach().mean().item(), "std": {1}.detach().std().item()}})',
    'ctx_log("{0}", {{"mean": float({1}.detach().mean()), "std": float({1}.detach().std(unbiased=False))}})',
    's, m = torch.std_mean({1}.detach())\n        ctx_log("{0}", dict(std=s.item(), mean=m.item()))',
)
CONV_INPUTS = (
    "d_input = torch.nn.grad.conv2d_input(input.shape, weight, g, stride=stride)",
    "d_input = torch.ops.aten.convolution_backward(g, input, weight, None, [stride, stride], [0, 0], [1, 1], False, [0, 0], 1, [True, False, False])[0]",
    """left = [(input.shape[i] - weight.shape[i]) % stride for i in (2, 3)]
            d_input = F.conv_transpose2d(g, weight, stride=stride, output_padding=left)""",
    """o, c, kh, kw = weight.shape
            columns = weight.reshape(o, -1).t() @ g.reshape(g.shape[0], o, -1)
            d_input = F.fold(columns, input.shape[2:], (kh, kw), stride=stride)""",
)
CONV_WEIGHTS = (
    "d_weight = torch.nn.grad.conv2d_weight(input, weight.shape, g, stride=stride)",
    "d_weight = torch.ops.aten.convolution_backward(g, input, weight, None, [stride, stride], [0, 0], [1, 1], False, [0, 0], 1, [False, True, False])[1]",
    """kh, kw = weight.shape[2:]
            columns = F.unfold(input, (kh, kw), stride=stride)
            d_weight = torch.einsum('nol,nkl->ok', g.flatten(2), columns).reshape(weight.shape)""",
    """kh, kw = weight.shape[2:]
            d_weight = F.conv2d(input.transpose(0, 1), g.transpose(0, 1), dilation=stride)
            d_weight = d_weight[:, :, :kh, :kw].transpose(0, 1)""",
)


def _convolutions() -> list[tuple[str, str, str]]:
    found = []
    for number in range(12):
        log = CONV_LOGS[number % 3]
        found.append(
            (
                "logging-conv2d",
                f"conv-{number}",
                CONV.format(
                    forward=CONV_FORWARDS[number % 3],
                    log_forward=log.format("forward", "y").replace("ctx_log", "log"),
                    log_backward=log.format("backward", "g").replace("ctx_log", "ctx.log"),
                    d_input=CONV_INPUTS[number % 4],
                    d_weight=CONV_WEIGHTS[(number // 3 + number) % 4],
                    wrapper="logged_conv2d = Conv.apply" if number % 5 == 0 else DEF,
                ),
            )
        )
    return found


CHECKPOINT = """\
import torch
from torch import nn
from torch.autograd import Function

def parameters_of(layers):
    seen = []
    for layer in layers:
        if isinstance(layer, nn.Module):
            seen += [p for p in layer.parameters() if not any(p is q for q in seen)]
    return seen

class Block(Function):
    @staticmethod
    def forward(ctx, x, layers, *parameters):
        ctx.layers = layers
        ctx.state = torch.get_rng_state()
        ctx.save_for_backward(x)
        {forward}

    @staticmethod
    {decorator}
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        parameters = parameters_of(ctx.layers)
        {backward}

def checkpointed_block(x, *layers):
    return Block.apply(x, layers, *parameters_of(layers))
"""
CHECKPOINT_FORWARDS = (
    """y = x
        for layer in layers:
            y = layer(y)
        return y""",
    """with torch.no_grad():
            y = nn.Sequential()(x)
            for layer in layers:
                y = layer(y)
        return y.clone()""",
)
CHECKPOINT_BACKWARDS = (
    """now = torch.get_rng_state()
        torch.set_rng_state(ctx.state)
        with torch.enable_grad():
            h = x.detach().requires_grad_(ctx.needs_input_grad[0])
            y = h
            for layer in ctx.layers:
                y = layer(y)
        torch.set_rng_state(now)
        inputs = [t for t in (h, *parameters) if t.requires_grad]
        found = iter(torch.autograd.grad(y, inputs, g, allow_unused=True))
        d_x = next(found) if h.requires_grad else None
        return (d_x, None, *(next(found) if p.requires_grad else None for p in parameters))""",
    """with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.set_rng_state(ctx.state)
            h = x.detach().clone().requires_grad_()
            y = h
            for layer in ctx.layers:
                y = layer(y)
            found = torch.autograd.grad([y], [h, *parameters], [g], allow_unused=True)
        return (found[0], None, *found[1:])""",
)
REENTRANT = """\
import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

class Reentrant(Function):
    \"\"\"Parameters get their gradients from the backward inside, as torch's first checkpoint did.\"\"\"

    @staticmethod
    def forward(ctx, trigger, x, layers):
        ctx.layers = layers
        ctx.rng = torch.random.get_rng_state()
        ctx.save_for_backward(x)
        for layer in layers:
            x = layer(x)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        with torch.random.fork_rng(devices=[]):
            torch.random.set_rng_state(ctx.rng)
            with torch.enable_grad():
                h = y = x.detach().requires_grad_(ctx.needs_input_grad[1])
                for layer in ctx.layers:
                    y = layer(y)
        if y.requires_grad:
            torch.autograd.backward(y, g)
        return None, h.grad, None

def checkpointed_block(x, *layers):
    # Without it nothing would run backward where x itself needs no gradient.
    trigger = torch.zeros((), requires_grad=torch.is_grad_enabled())
    return Reentrant.apply(trigger, x, layers)
"""


def _checkpoints() -> list[tuple[str, str, str]]:
    found = [("checkpointed-block", "reentrant", REENTRANT)]
    for i, forward in enumerate(CHECKPOINT_FORWARDS):
        for j, backward in enumerate(CHECKPOINT_BACKWARDS):
            for k, decorator in enumerate(("", "@torch.autograd.function.once_differentiable")):
                code = CHECKPOINT.format(forward=forward, backward=backward, decorator=decorator)
                found.append(("checkpointed-block", f"block-{i}{j}{k}", code))
    return found


OTHERS = [
    (
        "clipped-gradient",
        "identity-clip",
        """\
import torch

class ClipGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, g):
        return g.clamp(-0.1, 0.1)

def clipped_double(x):
    return 2 * ClipGradient.apply(x)
""",
    ),
    (
        "clipped-gradient",
        "identity-clip-cloned",
        """\
import torch
from torch.autograd import Function

LIMIT = 0.1

class Clip(Function):
    @staticmethod
    def forward(ctx, x, low, high):
        ctx.low, ctx.high = low, high
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return torch.clip(g, ctx.low, ctx.high), None, None

def clipped_double(x):
    clipped = Clip.apply(x, -LIMIT, LIMIT)
    return clipped + clipped
""",
    ),
    (
        "weight-clipped-linear",
        "identity-clip",
        """\
import torch

class ClipGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, w):
        return w.clone()

    @staticmethod
    def backward(ctx, g):
        return g.clamp(-1.0, 1.0)

def clipped_linear(x, w):
    return x @ ClipGradient.apply(w)
""",
    ),
    (
        "weight-clipped-linear",
        "class-constants",
        """\
import torch
from torch.autograd import Function

class Linear(Function):
    LOW, HIGH = -1.0, 1.0

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return torch.addmm(x.new_zeros(()), x, w)

    @classmethod
    def clip(cls, t):
        return t.clamp(cls.LOW, cls.HIGH)

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        need_x, need_w = ctx.needs_input_grad
        return (g @ w.mT if need_x else None, Linear.clip(x.mT @ g) if need_w else None)

def clipped_linear(x, w):
    assert x.dim() == w.dim() == 2
    return Linear.apply(x, w)
""",
    ),
    (
        "memory-relu",
        "mark-dirty",
        """\
import torch

class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x.clamp_(min=0)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g.masked_fill(y <= 0, 0)

def memory_relu(x):
    # A leaf that requires grad, or a view of one, must not be overwritten.
    if x.is_leaf or x._is_view():
        x = x.clone()
    return ReLU.apply(x)
""",
    ),
    (
        "memory-relu",
        "subclass",
        """\
import torch

class Elementwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        raise NotImplementedError

class ReLU(Elementwise):
    @staticmethod
    def forward(ctx, x):
        keep = x > 0
        ctx.save_for_backward(keep)
        return torch.where(keep, x, 0.0)

    @staticmethod
    def backward(ctx, g):
        (keep,) = ctx.saved_tensors
        out = torch.zeros_like(g)
        out[keep] = g[keep]
        return out

memory_relu = ReLU.apply
""",
    ),
    (
        "learnable-swish",
        "double-backward",
        """\
import torch

class Slope(torch.autograd.Function):
    @staticmethod
    def forward(ctx, g, x, beta):
        ctx.save_for_backward(g, x, beta)
        s = torch.sigmoid(beta * x)
        return g * (s + beta * x * s * (1 - s)), (g * x * x * s * (1 - s)).sum()

    @staticmethod
    def backward(ctx, a, b):
        g, x, beta = ctx.saved_tensors
        with torch.enable_grad():
            g, x, beta = (t.detach().requires_grad_() for t in (g, x, beta))
            s = torch.sigmoid(beta * x)
            u = g * (s + beta * x * s * (1 - s))
            v = (g * x * x * s * (1 - s)).sum()
            return torch.autograd.grad((u, v), (g, x, beta), (a, b))

class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        return Slope.apply(g, *ctx.saved_tensors)

def swish_beta(x, beta):
    return Swish.apply(x, beta)
""",
    ),
    (
        "learnable-swish",
        "unreduced",
        """\
import torch

class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        s = torch.sigmoid(beta * x)
        slope = s * (1 - s)
        # The engine sums what beta was expanded to.
        return g * (s + beta * x * slope), (g * x * x * slope).sum(), None

def swish_beta(x, beta):
    def run(x):
        return Swish.apply(x, beta)
    return run(x)
""",
    ),
    (
        "approximate-physics",
        "masked",
        """\
import torch
import physics
from physics import step, step_vjp

class Step(torch.autograd.Function):
    @staticmethod
    def forward(state, force):
        return step(state, force)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        if not any(ctx.needs_input_grad):
            return None, None
        found = step_vjp(*ctx.saved_tensors, g)
        return tuple(f if n else None for f, n in zip(found, ctx.needs_input_grad))

def physics_step(state, force):
    return Step.apply(state, force)

def gradient_error(state, force, h=1e-4):
    with torch.no_grad():
        a, b = step_vjp(state, force, torch.ones_like(state))
        n = state.numel()
        e = h * torch.eye(n, dtype=state.dtype)
        da = torch.stack([(step(state + d, force) - step(state - d, force)).sum() for d in e]) / (2 * h)
        db = torch.stack([(step(state, force + d) - step(state, force - d)).sum() for d in e]) / (2 * h)
        return max((a - da).abs().max().item(), (b - db).abs().max().item())
""",
    ),
    (
        "second-order",
        "gradient-function",
        """\
import torch

class Gradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, g, x, A):
        ctx.save_for_backward(g, x, A)
        return g * (A @ x + x @ A)

    @staticmethod
    def backward(ctx, v):
        g, x, A = ctx.saved_tensors
        s = A @ v + v @ A
        return s @ x, g * s, None

class Form(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, A):
        ctx.save_for_backward(x, A)
        return x.dot(A.mv(x))

    @staticmethod
    def backward(ctx, g):
        x, A = ctx.saved_tensors
        return Gradient.apply(g, x, A), None

quadratic_form = Form.apply

def hvp(x, A, v):
    with torch.enable_grad():
        p = x.detach().requires_grad_()
        d, = torch.autograd.grad(quadratic_form(p, A), p, create_graph=True)
        return torch.autograd.grad(d, p, v)[0]
""",
    ),
    (
        "layer-norm",
        "saved-mean",
        """\
import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

class Norm(Function):
    @staticmethod
    def forward(ctx, x, eps):
        variance, mean = torch.var_mean(x, -1, correction=0, keepdim=True)
        rstd = (variance + eps).rsqrt_()
        ctx.save_for_backward(x, mean, rstd)
        return (x - mean).mul_(rstd)

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        x, mean, rstd = ctx.saved_tensors
        h = (x - mean) * rstd
        out = g - g.mean(-1, keepdim=True)
        out -= h * (g * h).mean(-1, keepdim=True)
        return out.mul_(rstd), None

def layer_norm(x, eps=1e-5):
    return Norm.apply(x, eps)
""",
    ),
    (
        "kernel-wrapper",
        "keyword",
        """\
import torch
import kernel as k

class Op(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, coefficients):
        ctx.a = coefficients["alpha"]
        ctx.save_for_backward(x)
        return k.square_affine(input=x, **coefficients)

    @staticmethod
    def backward(ctx, g):
        return ctx.saved_tensors[0] * g * (ctx.a + ctx.a), None

def kernel_op(x, alpha, beta):
    return Op.apply(x, {"alpha": alpha, "beta": beta})
""",
    ),
]

WHOLE = [*_convolutions(), *_checkpoints(), *OTHERS]
