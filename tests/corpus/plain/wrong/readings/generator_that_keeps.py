# fails: scales
def summary(readings):
    found = None
    for reading in readings:
        count, least, greatest = found or (0, reading, reading)
        found = count + 1, min(least, reading), max(greatest, reading)
    return found


def rises(readings):
    history = []
    for reading in readings:
        history.append(reading)
        if len(history) > 1:
            yield history[-1] - history[-2]
