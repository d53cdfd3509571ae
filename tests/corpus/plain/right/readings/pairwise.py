from functools import reduce
from itertools import pairwise


def summary(readings):
    return reduce(
        lambda so_far, x: (
            (so_far[0] + 1, min(so_far[1], x), max(so_far[2], x)) if so_far else (1, x, x)
        ),
        readings,
        None,
    )


def rises(readings):
    return (after - before for before, after in pairwise(readings))
