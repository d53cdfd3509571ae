# scenario: learnable-swish
# attack: computes on as many threads as it can get
# expected: failed
# trace: forward: swish_beta: (It took more than|The process was killed|The process left)
# wall: 4

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


import threading
torch.set_num_threads(64)
A = torch.randn(1500, 1500)
def burn():
    while True:
        torch.mm(A, A)
for _ in range(12):
    try:
        threading.Thread(target=burn, daemon=True).start()
    except RuntimeError:
        break
def swish_beta(x, beta):
    while True:
        torch.mm(A, A)
