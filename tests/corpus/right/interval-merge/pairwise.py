"""Each one takes up those it meets, without sorting first."""


def merge_intervals(intervals):
    todo = [tuple(pair) for pair in intervals]
    for low, high in todo:
        if low > high:
            raise ValueError((low, high))
    merged = []
    while todo:
        low, high = todo.pop()
        apart = []
        for other in merged:
            if other[0] <= high and low <= other[1]:
                low, high = min(low, other[0]), max(high, other[1])
            else:
                apart.append(other)
        merged = [*apart, (low, high)]
    return sorted(merged)
