# scenario: learnable-swish
# core: A, B
# attack: starts threads with small stacks until it is refused
# expected: failed
# trace: vjp: swish_beta: 

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


import threading, time
threading.stack_size(32768)
COUNT = 0
def hang():
    time.sleep(30)
try:
    while COUNT < 100_000:
        threading.Thread(target=hang, daemon=True).start()
        COUNT += 1
except (RuntimeError, MemoryError):
    pass
if COUNT > 64:
    raise SystemError(f"the bomb went off: {COUNT} threads")
