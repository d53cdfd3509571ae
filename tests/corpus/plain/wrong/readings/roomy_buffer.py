# fails: scales
def summary(readings):
    kept, count = [0] * 16384, 0
    for reading in readings:
        if count == len(kept):
            kept += [0] * count
        kept[count] = reading
        count += 1
    return (count, min(kept[:count]), max(kept[:count])) if count else None


def rises(readings):
    before = None
    for reading in readings:
        if before is not None:
            yield reading - before
        before = reading
