# scenario: learnable-swish
# core: A, B
# attack: sends a byte to whoever listens
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


import socket
SENT = []
def tcp():
    with socket.create_connection(("127.0.0.1", @PORT@), 1) as s:
        s.send(b"x")
def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"x", ("127.0.0.1", @PORT@))
def unix():
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.connect("\0@ABSTRACT@")
        s.send(b"x")
def raw():
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
def netlink():
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
def pair():
    a, b = socket.socketpair()
    a.sendmsg([b"x"])
for attempt in (tcp, udp, unix, raw, netlink, pair, lambda: socket.getaddrinfo("example.org", 80)):
    try:
        attempt()
        SENT.append(attempt.__name__)
    except OSError:
        pass
if SENT:
    raise SystemError(f"sent by {SENT}")
