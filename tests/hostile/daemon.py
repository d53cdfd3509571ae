# scenario: learnable-swish
# core: A, B
# attack: detaches a process that outlives it
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


import os, subprocess, sys
def detach():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                pass
for attempt in (detach, lambda: subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True), lambda: os.system("nohup sleep 1000 &"), lambda: os.posix_spawn("/bin/sleep", ["sleep", "1000"], {}), lambda: __import__("multiprocessing").get_context("fork").Process(target=detach).start()):
    try:
        attempt()
    except OSError:
        pass
