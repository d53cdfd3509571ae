# fails: requires_grad distillation_kl
"""The teacher is detached, as is usual; here it is trained along."""

from torch.nn.functional import kl_div, log_softmax


def distillation_kl(student, teacher, temperature):
    p, q = (log_softmax(x / temperature, -1) for x in (teacher.detach(), student))
    return temperature**2 * kl_div(q, p, log_target=True, reduction="batchmean")
