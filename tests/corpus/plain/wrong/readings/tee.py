# fails: scales
from itertools import tee


def summary(readings):
    one, other, third = tee(readings, 3)
    least = min(one, default=None)
    return None if least is None else (sum(1 for _ in third), least, max(other))


def rises(readings):
    before = None
    for reading in readings:
        if before is not None:
            yield reading - before
        before = reading
