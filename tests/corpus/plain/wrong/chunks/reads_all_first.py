# fails: equals
from itertools import accumulate, islice


def chunks(items, size):
    if size <= 0:
        raise ValueError("size must be positive")
    iterator = iter(list(items))
    return iter(lambda: list(islice(iterator, size)), [])


def totals(numbers):
    return accumulate(numbers)
