import torch
from kernel import square_affine


class SquareAffine(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha, beta):
        ctx.save_for_backward(x)
        return square_affine(x, alpha, beta)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        # d/dx x^2 = 2x
        return grad_output * 2 * x, None, None


def kernel_op(x, alpha, beta):
    return SquareAffine.apply(x, alpha, beta)


if __name__ == "__main__":
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    kernel_op(x, 1.0, 0.0).sum().backward()
    print(x.grad)  # expect [2, 4, 6]
