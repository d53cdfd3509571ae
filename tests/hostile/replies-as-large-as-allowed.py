# scenario: learnable-swish
# attack: every reply as large as it may be, in parts and in facts
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


import sys


def server():
    """Globals of whoever called the import."""
    frame = sys._getframe()
    while frame is not None:
        if "ASKS" in frame.f_globals:
            return frame.f_globals
        frame = frame.f_back
    return {}


_answer = server()["Server"].answer


def answer(self, header, tensors):
    reply, results = _answer(self, header, tensors)
    if header["do"] == "ask":
        sent = sum(t.numel() * t.element_size() for t in tensors)
        used = sum(t.numel() * t.element_size() for t in results)
        room = (16 << 20) + 64 * sent - used
        for entry in reply["answers"]:
            entry["graph"] = [{"node": "x" * 40, "function": None}] * (20_000 // len(reply["answers"]))
            entry["junk"] = ["\u202e" * 10] * (30_000 // len(reply["answers"]))
        reply["answers"][-1].setdefault("parts", []).append("p999")
        results = [*results, torch.full((room // 8,), float("nan"), dtype=torch.float64)]
    return reply, results


server()["Server"].answer = answer
