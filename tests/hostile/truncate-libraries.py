# scenario: learnable-swish
# core: A, B
# attack: opens readable libraries with O_TRUNC
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


import os, sys
DONE = []
for path in (torch.__file__, os.__file__, sys.executable, "/etc/ld.so.cache"):
    for flags in (os.O_RDONLY | os.O_TRUNC, os.O_WRONLY, os.O_RDWR | os.O_APPEND, os.O_PATH | os.O_TRUNC):
        try:
            fd = os.open(path, flags)
        except OSError:
            continue
        if not flags & os.O_PATH:
            DONE.append(path)
        os.close(fd)
if DONE:
    raise SystemError(f"opened {DONE}")
