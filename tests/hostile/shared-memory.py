# scenario: learnable-swish
# core: A, B
# attack: looks for memory or files that it shares with anyone
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
import mmap
import os

libc = ctypes.CDLL(None, use_errno=True)
GAINED = []
numbers = {
    "x86_64": {"shmget": 29, "semget": 64, "msgget": 68, "mq_open": 240, "memfd_create": 319,
               "memfd_secret": 447, "fanotify_init": 300, "inotify_init1": 294, "timerfd": 283,
               "signalfd": 289, "flock": 73, "splice": 275, "vmsplice": 278, "sync": 162,
               "syncfs": 306, "mlockall": 151, "set_mempolicy": 238, "timer_create": 222},
    "aarch64": {"shmget": 194, "semget": 190, "msgget": 186, "mq_open": 180, "memfd_create": 279,
                "memfd_secret": 447, "fanotify_init": 262, "inotify_init1": 26, "timerfd": 85,
                "signalfd": 74, "flock": 32, "splice": 76, "vmsplice": 75, "sync": 81,
                "syncfs": 267, "mlockall": 230, "set_mempolicy": 237, "timer_create": 107},
}[os.uname().machine]
for name, number in numbers.items():
    if libc.syscall(number, 0, 0, 0, 0, 0, 0) >= 0:
        GAINED.append(name)
for place in ("/dev/shm", "/run", "/var/lock", "/tmp", "/var/tmp", "/dev/mqueue"):
    try:
        with open(f"{place}/hostile", "w+b") as file:
            file.write(b"x" * 4096)
            mmap.mmap(file.fileno(), 4096)
        GAINED.append(place)
    except OSError:
        pass
for fd in range(4, 64):
    try:
        os.fstat(fd)
        GAINED.append(fd)
    except OSError:
        pass
for fd in (0, 1, 2):
    os.lseek(fd, 0, os.SEEK_SET)
    os.write(fd, b"hello" * 1000)
    if os.path.realpath(f"/proc/self/fd/{fd}") not in ("/dev/null", f"/proc/self/fd/{fd}"):
        GAINED.append(f"fd {fd}")
if GAINED:
    raise SystemError(f"gained {GAINED}")
