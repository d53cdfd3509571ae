# fails: hand_written clipped_double
import torch


def clipped_double(x):
    y = 2 * x
    if y.requires_grad:
        y.register_hook(lambda g: g.clamp(-0.05, 0.05))
    return y
