# scenario: learnable-swish
# attack: names that look like other names, and lines that end where no line ends
# expected: failed
# trace: swish_beta: 

import torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, beta):
        ctx.save_for_backward(x, beta)
        return x * torch.sigmoid(beta * x)

    @staticmethod
    def backward(ctx, g):
        x, beta = ctx.saved_tensors
        return g * torch.sigmoid(beta * x), (g * x).sum()


def swish_beta(x, beta):
    return Swish.apply(x, beta)


# The compiler folds these letters into the plain ones.
def ｓｗｉｓｈ_beta(x, beta):
    return Ｓｗｉｓｈ.apply(x, beta)  #        def backward(ctx, g):
