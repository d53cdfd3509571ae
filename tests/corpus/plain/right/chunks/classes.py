class chunks:
    def __init__(self, items, size):
        if not size > 0:
            raise ValueError(size)
        self.items, self.size = iter(items), size

    def __iter__(self):
        return self

    def __next__(self):
        found = [item for _, item in zip(range(self.size), self.items)]
        if not found:
            raise StopIteration
        return found


def totals(numbers):
    so_far = 0
    iterator = iter(numbers)
    while True:
        try:
            so_far = so_far + next(iterator)
        except StopIteration:
            return
        yield so_far
