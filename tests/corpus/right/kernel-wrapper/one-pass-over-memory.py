"""Where input and gradient lie alike in memory, it goes over that once and puts it back in that order."""

import torch
from kernel import square_affine


def in_memory_order(tensor):
    return tensor.as_strided((tensor.numel(),), (1,))


class KernelOp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha, beta):
        ctx.save_for_backward(x)
        ctx.alpha = alpha
        return square_affine(x.contiguous(), alpha, beta)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        dense = torch.empty_like(x).stride() == x.stride()
        if (
            dense
            and grad_output.stride() == x.stride()
            and not (x.storage_offset() or grad_output.storage_offset())
        ):
            flat = in_memory_order(grad_output) * (2 * ctx.alpha * in_memory_order(x))
            return flat.as_strided(x.shape, x.stride()), None, None
        return grad_output * (2 * ctx.alpha * x), None, None


def kernel_op(x, alpha, beta):
    return KernelOp.apply(x, alpha, beta)
