# fails: scales
def summary(readings):
    readings = list(readings)
    return (len(readings), min(readings), max(readings)) if readings else None


def rises(readings):
    before = None
    for reading in readings:
        if before is not None:
            yield reading - before
        before = reading
