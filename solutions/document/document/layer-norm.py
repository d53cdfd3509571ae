"""Layer norm as an autograd Function, checked against nn.LayerNorm."""

import torch
from torch import nn
from torch.autograd import Function, gradcheck


class LayerNormFunction(Function):
    @staticmethod
    def forward(ctx, x, eps):
        mean = x.mean(dim=-1, keepdim=True)
        var = ((x - mean) ** 2).mean(dim=-1, keepdim=True)
        inv_std = 1 / torch.sqrt(var + eps)
        normalized = (x - mean) * inv_std
        ctx.save_for_backward(normalized, inv_std)
        return normalized

    @staticmethod
    def backward(ctx, grad_output):
        normalized, inv_std = ctx.saved_tensors
        mean_grad = grad_output.mean(dim=-1, keepdim=True)
        mean_product = (grad_output * normalized).mean(dim=-1, keepdim=True)
        return inv_std * (grad_output - mean_grad - normalized * mean_product), None


def layer_norm(x, eps=1e-5):
    return LayerNormFunction.apply(x, eps)


x = torch.randn(2, 5, dtype=torch.float64, requires_grad=True)
print("gradcheck:", gradcheck(layer_norm, (x,)))

# Compare with the built-in layer norm.
reference = nn.LayerNorm(5, elementwise_affine=True)
print("same as nn.LayerNorm:", torch.allclose(layer_norm(x), reference(x)))
