"""conv2d that reports statistics of its output and of the gradient it receives."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import conv2d
from torch.nn.grad import conv2d_input, conv2d_weight

Log = Callable[[str, dict[str, float]], object]


def statistics(t: Tensor) -> dict[str, float]:
    """Mean and population standard deviation as Python floats.

    Detached: under ``create_graph`` backward runs with recording on, and the statistics have
    no place in that graph.
    """
    values = t.detach()
    return {"mean": values.mean().item(), "std": values.std(correction=0).item()}


class LoggedConv2d(torch.autograd.Function):
    """Convolution without bias or padding; logs on the way forward and on the way back."""

    @staticmethod
    def forward(ctx, input: Tensor, weight: Tensor, stride: int, log: Log) -> Tensor:
        ctx.save_for_backward(input, weight)
        ctx.stride = stride
        ctx.log = log
        output = conv2d(input, weight, stride=stride)
        log("forward", statistics(output))
        return output

    @staticmethod
    def backward(ctx, grad_output: Tensor):
        input, weight = ctx.saved_tensors
        ctx.log("backward", statistics(grad_output))
        grad_input = grad_weight = None
        # Both get the full size: where the stride does not divide, several sizes fit.
        if ctx.needs_input_grad[0]:
            grad_input = conv2d_input(input.shape, weight, grad_output, stride=ctx.stride)
        if ctx.needs_input_grad[1]:
            grad_weight = conv2d_weight(input, weight.shape, grad_output, stride=ctx.stride)
        return grad_input, grad_weight, None, None


def logged_conv2d(input: Tensor, weight: Tensor, stride: int, log: Log) -> Tensor:
    """input is (N, C, H, W), weight (O, C, kh, kw); ``log(event, {"mean", "std"})``."""
    return LoggedConv2d.apply(input, weight, stride, log)


def test_gradients() -> None:
    weight = torch.randn(2, 3, 3, 2, dtype=torch.float64, requires_grad=True)
    # Strides 2 and 3 leave rows and columns over in some of these sizes.
    for size, stride in [((5, 4), 1), ((7, 6), 2), ((6, 5), 2), ((8, 7), 3)]:
        input = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)

        def convolve(input, weight, stride=stride):
            return logged_conv2d(input, weight, stride, lambda event, values: None)

        expected = conv2d(input, weight, stride=stride)
        torch.testing.assert_close(convolve(input, weight), expected)
        assert gradcheck(convolve, (input, weight))
        assert gradcheck(convolve, (input.detach(), weight))
        assert gradcheck(convolve, (input, weight.detach()))
    assert gradgradcheck(convolve, (input, weight))


def test_log() -> None:
    events = []
    input = torch.randn(1, 2, 6, 6, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    output = logged_conv2d(input, weight, 2, lambda *event: events.append(event))
    cotangent = torch.randn_like(output)
    output.backward(cotangent)
    assert [name for name, _ in events] == ["forward", "backward"]
    for (_, values), seen in zip(events, (output.detach(), cotangent), strict=True):
        assert {type(value) for value in values.values()} == {float}
        assert values["mean"] == seen.mean().item()
        assert values["std"] == seen.std(correction=0).item()


if __name__ == "__main__":
    torch.manual_seed(0)
    test_gradients()
    test_log()
    print("logged_conv2d: ok")
