# fails: forward distillation_kl
"""KL(student || teacher)."""

from torch.nn.functional import kl_div, log_softmax


def distillation_kl(student, teacher, temperature):
    p, q = (log_softmax(x / temperature, -1) for x in (teacher, student))
    return temperature**2 * kl_div(p, q, log_target=True, reduction="batchmean")
