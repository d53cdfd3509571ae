"""ReLU that keeps one tensor for backward and overwrites none.

In-place work is left out on purpose. ``grad_output`` belongs to the engine, which may hand
the same tensor to another branch; the input may be a leaf, or saved by the operation that
produced it. What fills a card is what is kept until backward, and that is the output alone,
which the next layer keeps anyway.
"""

import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck


class MemoryReLU(torch.autograd.Function):
    """max(x, 0); the gradient at 0 is 0."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        output = x.clamp(min=0)
        # The output is positive exactly where x is, so x need not be kept.
        ctx.save_for_backward(output)
        return output

    @staticmethod
    def backward(ctx, grad_output: Tensor):
        (output,) = ctx.saved_tensors
        # Not a product with a mask: inf * 0 would be NaN.
        return grad_output.masked_fill(output <= 0, 0)


def memory_relu(x: Tensor) -> Tensor:
    """x is a float tensor of any shape; it is not modified."""
    return MemoryReLU.apply(x)


def test_gradients() -> None:
    for shape in [(), (7,), (3, 4, 5), (0, 3)]:
        noise = torch.randn(shape, dtype=torch.float64)
        # Clear of the kink at 0, where a finite difference means nothing.
        x = (noise + 0.1 * noise.sign()).requires_grad_()
        assert gradcheck(memory_relu, (x,))
        assert gradgradcheck(memory_relu, (x,))


def test_agrees_with_torch_in_a_larger_graph() -> None:
    for values in (torch.randn(6, 8), torch.zeros(3, 4), torch.randn(5, 4).t()):
        ours, theirs = (values.clone().requires_grad_() for _ in range(2))
        cotangent = torch.randn_like(values)
        before = cotangent.clone()
        (memory_relu(ours) + ours).backward(cotangent)
        (torch.relu(theirs) + theirs).backward(before)
        assert torch.equal(ours.grad, theirs.grad)
        assert torch.equal(ours.detach(), values), "the input was overwritten"
        assert torch.equal(cotangent, before), "the incoming gradient was overwritten"


if __name__ == "__main__":
    torch.manual_seed(0)
    test_gradients()
    test_agrees_with_torch_in_a_larger_graph()
    print("memory_relu: ok")
