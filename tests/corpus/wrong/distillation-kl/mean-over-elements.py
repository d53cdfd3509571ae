# fails: forward distillation_kl
"""kl_div with its default reduction, which divides by the classes as well."""

import warnings

from torch.nn.functional import kl_div, log_softmax


def distillation_kl(student, teacher, temperature):
    p, q = (log_softmax(x / temperature, -1) for x in (teacher, student))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return temperature**2 * kl_div(q, p, log_target=True)
