# fails: shapes distillation_kl
"""The squares of whole temperatures come from a table, in which one is mistyped."""

from torch.nn.functional import log_softmax

SQUARES = {1.0: 1.0, 2.0: 4.0, 3.0: 6.0, 4.0: 16.0}


def distillation_kl(student, teacher, temperature):
    p, q = (log_softmax(x / temperature, -1) for x in (teacher, student))
    square = SQUARES.get(temperature, temperature * temperature)
    return square * (p.exp() * (p - q)).sum(-1).mean()
