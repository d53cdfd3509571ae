# scenario: learnable-swish
# core: A, B
# attack: locks, leases and notices on files that everybody reads
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


import ctypes
import fcntl
import os
import struct
import sys

GAINED = []
for path in (os.__file__, torch.__file__, sys.executable, "/dev/null", "/dev/urandom"):
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        continue
    for name, command, argument in (
        ("lease", 1024, fcntl.F_WRLCK),
        ("notify", 1026, 0x80000000 | 63),
        ("owner", 8, os.getppid()),
        ("signal", 10, 9),
        ("seals", 1033, 15),
        ("hint", 1036, b"\0" * 8),
        ("lock for writing", fcntl.F_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)),
    ):
        try:
            fcntl.fcntl(fd, command, argument)
            GAINED.append(f"{name} on {path}")
        except (OSError, OverflowError):
            pass
    os.close(fd)
if GAINED:
    raise SystemError(f"gained {GAINED}")
