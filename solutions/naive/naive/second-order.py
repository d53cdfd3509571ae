import torch


class QuadraticForm(torch.autograd.Function):
    """f(x) = x^T A x, f'(x) = 2 A x, f''(x) = 2 A"""

    @staticmethod
    def forward(ctx, x, A):
        ctx.save_for_backward(x, A)
        return x @ A @ x

    @staticmethod
    def backward(ctx, grad_output):
        x, A = ctx.saved_tensors
        return grad_output * 2 * (A @ x), None


def quadratic_form(x, A):
    return QuadraticForm.apply(x, A)


def hvp(x, A, v):
    return 2 * (A @ v)


if __name__ == "__main__":
    x = torch.randn(3, requires_grad=True)
    A = torch.eye(3)
    quadratic_form(x, A).backward()
    print(torch.allclose(x.grad, 2 * x))
