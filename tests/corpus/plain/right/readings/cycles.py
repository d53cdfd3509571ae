class Node:
    def __init__(self, value):
        self.value = value
        self.me = self  # only the garbage collector ends it


def summary(readings):
    count, least, greatest = 0, None, None
    for reading in map(Node, readings):
        count += 1
        if least is None or reading.value < least.value:
            least = reading
        if greatest is None or reading.value > greatest.value:
            greatest = reading
    return (count, least.value, greatest.value) if count else None


def rises(readings):
    before = None
    for reading in map(Node, readings):
        if before:
            yield reading.value - before.value
        before = reading
