from collections import deque
from itertools import islice


def summary(readings):
    readings, found = iter(readings), None
    table = list(range(70000))  # constant, whatever is read
    while block := list(islice(readings, len(table) // 100)):
        count, least, greatest = found or (0, block[0], block[0])
        found = count + len(block), min(least, *block), max(greatest, *block)
    return found


def rises(readings):
    last = deque(maxlen=2)
    for reading in readings:
        last.append(reading)
        if len(last) == 2:
            yield last[1] - last[0]
