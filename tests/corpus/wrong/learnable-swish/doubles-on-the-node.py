# fails: training swish_beta
# A hook on the node that adds to .grad: right through autograd.grad, doubled by .backward().
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
        d = s * (1 - s)
        return g * (s + beta * x * d), (g * x * x * d).sum()


def swish_beta(x, beta):
    for leaf in (x, beta):
        if leaf.requires_grad and leaf.is_leaf:
            node = torch.autograd.graph.get_gradient_edge(leaf).node
            node.register_prehook(lambda gradients: tuple(2 * g for g in gradients))
    return Swish.apply(x, beta)
