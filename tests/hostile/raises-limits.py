# scenario: learnable-swish
# core: A, B
# attack: raises its own limits
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


import resource
RAISED = []
for name in dir(resource):
    if name.startswith("RLIMIT_"):
        kind = getattr(resource, name)
        soft, hard = resource.getrlimit(kind)
        for value in ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), (hard, hard)):
            try:
                resource.setrlimit(kind, value)
                RAISED.append(name)
            except (OSError, ValueError):
                pass
try:
    resource.prlimit(0, resource.RLIMIT_CPU, (10**6, 10**6))
    RAISED.append("prlimit")
except (OSError, ValueError):
    pass
if RAISED:
    raise SystemError(f"raised {RAISED}")
