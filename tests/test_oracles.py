"""The trusted references, the provided modules they stand beside, and the reference solutions."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from harness.sandbox.inside.autograd import gradients

ROOT = Path(__file__).parents[1]
SKILL = ROOT / "scenarios" / "custom-autograd-functions"
REFERENCES = ROOT / "solutions" / "reference" / "harness"


def load(name: str, path: Path, **provided: types.ModuleType) -> Any:
    """A fresh module from a file, with ``provided`` importable while it is executed."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with mock.patch.dict(sys.modules, provided):
        spec.loader.exec_module(module)
    return module


kernel = load("kernel", SKILL / "provided" / "kernel.py")
physics = load("physics", SKILL / "provided" / "physics.py")
oracles = load("oracles", SKILL / "oracles.py", kernel=kernel, physics=physics)


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        yield


def leaf(*shape: int) -> Tensor:
    """Standard normal float64 values, kept clear of 0, where some formulas have a kink."""
    noise = torch.randn(shape, dtype=torch.float64)
    return torch.copysign(noise.abs() + 0.05, noise).requires_grad_()


def ignore(event: str, values: dict[str, float]) -> None:
    pass


# --------------------------------------------------------------------------
# Oracles

SMOOTH: dict[str, Callable[[], tuple[Any, ...]]] = {
    "swish_beta": lambda: (leaf(3, 2), leaf()),
    "mish": lambda: (leaf(3, 2),),
    "gelu": lambda: (leaf(3, 2),),
    "elu": lambda: (leaf(3, 2), 0.7),
    "selu": lambda: (leaf(3, 2),),
    "memory_relu": lambda: (leaf(3, 2),),
    "clipped_double": lambda: (leaf(3, 2),),
    "clipped_linear": lambda: (leaf(3, 2), leaf(2, 4)),
    "logged_conv2d": lambda: (leaf(1, 2, 5, 4), leaf(2, 2, 2, 3), 2, ignore),
    "layer_norm": lambda: (leaf(3, 4), 1e-5),
    "checkpointed_block": lambda: (leaf(3, 2), torch.tanh, torch.exp),
    "kernel_op": lambda: (leaf(3, 2), 1.3, -0.4),
    "physics_step": lambda: (leaf(4), leaf(4)),
    "quadratic_form": lambda: (leaf(4), leaf(4, 4).detach()),
    "hvp": lambda: (leaf(4).detach(), leaf(4, 4).detach(), leaf(4)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_an_oracle_is_differentiable_twice(name: str) -> None:
    arguments = SMOOTH[name]()
    assert gradcheck(getattr(oracles, name), arguments)
    assert gradgradcheck(getattr(oracles, name), arguments)


FAR = [-1e4, -800.0, -90.0, -20.0, -1.0, -1e-6, 1e-6, 1.0, 20.0, 90.0, 800.0, 1e4]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("name", "rest"),
    [("swish_beta", (1.3,)), ("mish", ()), ("gelu", ()), ("elu", ()), ("selu", ())],
)
def test_an_activation_is_finite_to_second_order_far_out(
    name: str, rest: tuple[float, ...], dtype: torch.dtype
) -> None:
    x = torch.tensor(FAR, dtype=dtype, requires_grad=True)
    extra = [torch.tensor(value, dtype=dtype, requires_grad=True) for value in rest]
    y = getattr(oracles, name)(x, *extra)
    firsts = torch.autograd.grad(y.sum(), [x, *extra], create_graph=True)
    seconds = torch.autograd.grad([g.sum() for g in firsts], [x, *extra])
    for values in (y, *firsts, *seconds):
        assert values.isfinite().all()
    assert firsts[0][-1].item() == pytest.approx(1.0507 if name == "selu" else 1.0, rel=1e-4)
    assert firsts[0][0].item() == 0.0


def test_swish_keeps_its_digits_where_the_sigmoid_is_nearly_one() -> None:
    """x = 30: x² σ(x) σ(−x) = 900 e⁻³⁰ to first order, which s(1 − s) gets to three digits."""
    beta = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    oracles.swish_beta(torch.tensor(30.0, dtype=torch.float64), beta).backward()
    assert beta.grad is not None
    assert beta.grad.item() == pytest.approx(900 * 9.357622968840175e-14, rel=1e-12)


def test_activations_take_the_left_slope_at_their_kink_and_relu_takes_zero() -> None:
    x = torch.zeros((), dtype=torch.float64, requires_grad=True)
    slopes = {
        name: torch.autograd.grad(function(x), x)[0].item()
        for name, function in {
            "elu": lambda x: oracles.elu(x, 0.7),
            "selu": oracles.selu,
            "memory_relu": oracles.memory_relu,
        }.items()
    }
    assert slopes["elu"] == pytest.approx(0.7)
    assert slopes["selu"] == pytest.approx(1.0507009873554805 * 1.6732632423543772)
    assert slopes["memory_relu"] == 0.0


def test_layer_norm_keeps_its_digits_where_the_mean_is_large() -> None:
    row = torch.randn(1, 64, dtype=torch.float64)
    # Adding a power of two that the values' last bits survive leaves the exact result alone.
    row = (row * 2**20).round() / 2**20
    grads = []
    for offset in (0.0, 2.0**20):
        x = (row + offset).requires_grad_()
        (grad,) = torch.autograd.grad(oracles.layer_norm(x), x, row.cos())
        grads.append(grad)
    torch.testing.assert_close(*grads, rtol=1e-9, atol=1e-9)


def test_layer_norm_agrees_with_torch() -> None:
    x = leaf(5, 7)
    torch.testing.assert_close(oracles.layer_norm(x), nn.functional.layer_norm(x, (7,)))


def test_the_clipped_double_vjp_doubles_then_clips() -> None:
    g = torch.tensor([-3.0, -0.05, -0.01, 0.0, 0.04, 0.06, float("inf")])
    expected = torch.tensor([-0.1, -0.1, -0.02, 0.0, 0.08, 0.1, 0.1])
    (grad,) = oracles.clipped_double_vjp(g, torch.zeros(7))
    torch.testing.assert_close(grad, expected)


def test_the_clipped_linear_vjp_clips_the_weight_gradient_alone() -> None:
    x = torch.tensor([[1.0, -2.0], [3.0, 0.1]])
    w = torch.tensor([[5.0], [-7.0]])
    g = torch.tensor([[2.0], [-0.1]])
    grad_x, grad_w = oracles.clipped_linear_vjp(g, x, w)
    torch.testing.assert_close(grad_x, torch.tensor([[10.0, -14.0], [-0.5, 0.7]]))
    # Unclipped: 2 - 0.3 = 1.7 and -4 - 0.01 = -4.01.
    torch.testing.assert_close(grad_w, torch.tensor([[1.0], [-1.0]]))
    small_x, small_w = oracles.clipped_linear_vjp(g / 10, x, w)
    torch.testing.assert_close(small_x, grad_x / 10)
    torch.testing.assert_close(small_w, torch.tensor([[0.17], [-0.401]]))


def test_the_quadratic_form_gives_its_constant_no_gradient() -> None:
    x, A = leaf(3), leaf(3, 3)
    grad_x, grad_a = torch.autograd.grad(oracles.quadratic_form(x, A), (x, A), allow_unused=True)
    torch.testing.assert_close(grad_x, (A + A.mT) @ x)
    assert grad_a is None


def test_hvp_is_the_second_derivative_of_the_quadratic_form() -> None:
    x, A, v = leaf(4), leaf(4, 4).detach(), leaf(4).detach()
    (gradient,) = torch.autograd.grad(oracles.quadratic_form(x, A), x, create_graph=True)
    (expected,) = torch.autograd.grad(gradient, x, v)
    torch.testing.assert_close(oracles.hvp(x, A, v), expected)


# --------------------------------------------------------------------------
# The provided kernel

LAYOUTS = [
    torch.randn(()),
    torch.randn(0, 3),
    torch.randn(4, 3).t(),
    torch.randn(3, 1).expand(3, 4),
    torch.randn(12)[::3],
    torch.randn(2, 3, 4, dtype=torch.float64),
]


@pytest.mark.parametrize("values", LAYOUTS, ids=lambda t: f"{tuple(t.shape)}{t.stride()}")
def test_the_kernel_returns_a_fresh_dense_tensor_without_history(values: Tensor) -> None:
    x = values.detach().requires_grad_()
    before = x.detach().clone()
    y = kernel.square_affine(x, 1.5, -0.5)
    torch.testing.assert_close(y, 1.5 * before**2 - 0.5)
    assert (y.dtype, y.shape) == (x.dtype, x.shape)
    assert not y.requires_grad
    assert y.is_contiguous()
    assert torch.equal(x.detach(), before)
    y.zero_()
    assert torch.equal(x.detach(), before), "the result shares the input's memory"


def test_the_kernel_and_its_oracle_share_the_calibration_offset() -> None:
    x = torch.randn(5, dtype=torch.float64)
    plain = kernel.square_affine(x, 2.0, 1.0)
    with mock.patch.object(kernel, "BIAS", 0.25):
        torch.testing.assert_close(kernel.square_affine(x, 2.0, 1.0), plain + 0.25)
        torch.testing.assert_close(oracles.kernel_op(x, 2.0, 1.0), plain + 0.25)


# --------------------------------------------------------------------------
# The provided physics library

SIZES = [1, 2, 3, 8]


def point(n: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    return torch.randn(n, dtype=dtype), torch.randn(n, dtype=dtype)


def extrapolated_error(state: Tensor, force: Tensor) -> float:
    """``gradient_error`` from ``physics.step`` alone, by Richardson's extrapolation."""

    def gradient(h: float) -> Tensor:
        slopes = []
        for argument, i in [(a, i) for a in (0, 1) for i in range(state.numel())]:
            nudge = torch.zeros(2, state.numel(), dtype=torch.float64)
            nudge[argument, i] = h
            above = physics.step(state + nudge[0], force + nudge[1])
            below = physics.step(state - nudge[0], force - nudge[1])
            slopes.append((above - below).sum() / (2 * h))
        return torch.stack(slopes)

    true = (4 * gradient(5e-4) - gradient(1e-3)) / 3
    library = torch.cat(physics.step_vjp(state, force, torch.ones_like(state)))
    return float((library - true).abs().max())


@pytest.mark.parametrize(("stiffness", "coupling"), [(1.0, 0.3), (1.7, 0.8), (0.6, 0.1)])
@pytest.mark.parametrize("n", SIZES)
def test_the_physics_oracle_is_the_librarys_step(n: int, stiffness: float, coupling: float) -> None:
    state, force = point(n)
    with mock.patch.multiple(physics, STIFFNESS=stiffness, COUPLING=coupling):
        torch.testing.assert_close(oracles.physics_step(state, force), physics.step(state, force))
        measured = extrapolated_error(state, force)
        assert oracles.gradient_error(state, force) == pytest.approx(measured, rel=1e-5)


@pytest.mark.parametrize("n", SIZES)
def test_the_librarys_gradient_is_visibly_inexact_at_every_point(n: int) -> None:
    errors = torch.tensor([oracles.gradient_error(*point(n)) for _ in range(100)])
    assert errors.min() > 5e-6
    assert 2e-4 < errors.median() < 5e-3


def test_the_error_can_be_measured_far_better_than_to_one_per_cent() -> None:
    for n in SIZES:
        for _ in range(10):
            state, force = point(n)
            error = oracles.gradient_error(state, force)
            assert extrapolated_error(state, force) == pytest.approx(error, rel=1e-5)


def test_the_library_is_nonlinear_in_state_and_in_force() -> None:
    state, force = point(3)
    here = physics.step(state, force)
    for state_nudge, force_nudge in [(0.1, 0.0), (0.0, 0.1)]:
        above = physics.step(state + state_nudge, force + force_nudge)
        below = physics.step(state - state_nudge, force - force_nudge)
        assert ((above - 2 * here + below).abs() > 1e-5).all()


def test_neighbours_in_the_library_are_coupled() -> None:
    state, force = point(4)
    for i in range(4):
        nudge = torch.zeros(4, dtype=torch.float64)
        nudge[i] = 0.01
        moved = (physics.step(state + nudge, force) - physics.step(state, force)).abs() > 1e-6
        assert all(moved[j] for j in range(4) if abs(i - j) <= 1)


def test_the_librarys_vjp_is_linear_in_the_cotangent() -> None:
    state, force = point(4)
    g, h = point(4)
    for combined, a, b in zip(
        physics.step_vjp(state, force, 2 * g - h),
        physics.step_vjp(state, force, g),
        physics.step_vjp(state, force, h),
        strict=True,
    ):
        torch.testing.assert_close(combined, 2 * a - b)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_library_keeps_dtype_and_inputs_and_returns_no_history(dtype: torch.dtype) -> None:
    state, force = (tensor.requires_grad_() for tensor in point(3, dtype))
    g = torch.ones(1, dtype=dtype).expand(3)
    before = [tensor.detach().clone() for tensor in (state, force, g)]
    results = [physics.step(state, force), *physics.step_vjp(state, force, g)]
    for result in results:
        assert result.dtype == dtype
        assert result.shape == (3,)
        assert not result.requires_grad
        result.zero_()
    for tensor, old in zip((state, force, g), before, strict=True):
        assert torch.equal(tensor.detach(), old)


def test_single_precision_callers_get_gradients_as_good_as_double_ones() -> None:
    state, force = point(4, torch.float32)
    narrow = physics.step_vjp(state, force, torch.ones(4))
    wide = physics.step_vjp(state.double(), force.double(), torch.ones(4, dtype=torch.float64))
    for a, b in zip(narrow, wide, strict=True):
        torch.testing.assert_close(a.double(), b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "shapes", [((3,), (4,)), ((2, 2), (2, 2)), ((), ()), ((0,), (0,))], ids=str
)
def test_the_library_names_the_shapes_it_cannot_take(shapes: tuple[tuple[int, ...], ...]) -> None:
    state, force = (torch.zeros(shape) for shape in shapes)
    with pytest.raises(ValueError, match=r"one shape \(n,\) with n >= 1, got "):
        physics.step(state, force)
    with pytest.raises(ValueError, match=r"got .*, "):
        physics.step_vjp(state, force, torch.zeros(5))


# --------------------------------------------------------------------------
# The reference solutions

ANSWERS: list[tuple[str, str]] = [
    ("learnable-swish", "swish_beta"),
    ("weight-clipped-linear", "clipped_linear"),
    ("logging-conv2d", "logged_conv2d"),
    ("memory-relu", "memory_relu"),
    ("clipped-gradient", "clipped_double"),
    ("kernel-wrapper", "kernel_op"),
    ("layer-norm", "layer_norm"),
    ("checkpointed-block", "checkpointed_block"),
    ("approximate-physics", "physics_step"),
    ("second-order", "quadratic_form"),
    ("second-order", "hvp"),
    ("five-activations", "swish_beta"),
    ("five-activations", "mish"),
    ("five-activations", "gelu"),
    ("five-activations", "elu"),
    ("five-activations", "selu"),
]


@pytest.mark.parametrize(("scenario", "name"), ANSWERS)
def test_a_reference_solution_agrees_with_its_oracle(scenario: str, name: str) -> None:
    with (
        mock.patch.multiple(physics, STIFFNESS=1.4, COUPLING=0.6),
        mock.patch.object(kernel, "BIAS", 0.3),
    ):
        path = REFERENCES / f"{scenario}.py"
        solution = load("solution", path, kernel=kernel, physics=physics)
        arguments = SMOOTH[name]()
        wanted = [a for a in arguments if isinstance(a, Tensor) and a.requires_grad]
        y = getattr(solution, name)(*arguments)
        expected = getattr(oracles, name)(*arguments)
        torch.testing.assert_close(y, expected)
        cotangent = torch.randn_like(expected)
        vjp = getattr(oracles, f"{name}_vjp", None)
        grads = torch.autograd.grad(y, wanted, cotangent)
        if vjp is None:
            expected_grads = torch.autograd.grad(expected, wanted, cotangent)
        else:
            expected_grads = vjp(cotangent, *arguments)
        for grad, expected_grad in zip(grads, expected_grads, strict=True):
            torch.testing.assert_close(grad, expected_grad)


def test_the_reference_measures_the_librarys_error_as_the_oracle_does() -> None:
    path = REFERENCES / "approximate-physics.py"
    solution = load("solution", path, kernel=kernel, physics=physics)
    for n in SIZES:
        state, force = point(n)
        error = oracles.gradient_error(state, force)
        assert solution.gradient_error(state, force) == pytest.approx(error, rel=1e-4)


def test_the_reference_block_gives_every_parameter_its_gradient_under_dropout() -> None:
    solution = load("solution", REFERENCES / "checkpointed-block.py")
    layers = [nn.Linear(4, 4), nn.Dropout(0.4), torch.tanh, nn.LayerNorm(4)]
    parameters = [p for layer in layers if isinstance(layer, nn.Module) for p in layer.parameters()]
    for x in (torch.randn(3, 4), torch.randn(3, 4, requires_grad=True)):
        inputs = [*parameters, x] if x.requires_grad else parameters
        outcomes = []
        for block in (solution.checkpointed_block, oracles.checkpointed_block):
            torch.manual_seed(3)
            loss = block(x, *layers).square().sum()
            outcomes.append([loss, *torch.autograd.grad(loss, inputs), torch.rand(2)])
        for ours, plain in zip(*outcomes, strict=True):
            torch.testing.assert_close(ours, plain)


# --------------------------------------------------------------------------
# Gradients from the engine


def test_gradients_are_those_of_autograd_and_what_does_not_fit_is_refused() -> None:
    x = torch.linspace(-1, 1, 5, dtype=torch.float64).requires_grad_()
    other = torch.ones(2, requires_grad=True)
    y, g = x.sin(), torch.arange(5.0, dtype=torch.float64)
    first, none = gradients([y], [x, other], [g], create_graph=True)
    assert none is None
    assert first is not None
    assert torch.equal(first, x.cos() * g)
    (second,) = gradients([first], [x], [g])
    assert second is not None
    assert torch.equal(second, -x.sin() * g * g)
    with pytest.raises(RuntimeError, match="shape"):
        gradients([x.sum()], [x], [g])
    with pytest.raises(RuntimeError, match="complex"):
        gradients([x * 1j], [x], [g])
    with pytest.raises(RuntimeError, match="nothing"):
        gradients([x.sin()], [], [g])


def test_a_class_of_tensors_has_its_say_in_its_gradient() -> None:
    class Refusing(Tensor):
        @classmethod
        def __torch_function__(
            cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if func is torch.autograd.grad:
                raise TypeError("not differentiable")
            return super().__torch_function__(func, types, args, kwargs or {})

    x = torch.ones(3, requires_grad=True)
    with pytest.raises(TypeError, match="not differentiable"):
        gradients([x.sin().as_subclass(Refusing)], [x], [torch.ones(3)])
