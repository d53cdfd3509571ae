# fails: scales
def summary(readings):
    count, seen = 0, set()
    for reading in readings:
        count += 1
        seen.add(reading)
    return (count, min(seen), max(seen)) if seen else None


def rises(readings):
    before = None
    for reading in readings:
        if before is not None:
            yield reading - before
        before = reading
