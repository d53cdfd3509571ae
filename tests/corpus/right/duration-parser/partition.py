"""Cut at one unit after the other."""

UNITS = (("h", 3600), ("m", 60), ("s", 1))


def parse_duration(text):
    total, rest = 0, text
    for unit, size in UNITS:
        number, found, after = rest.partition(unit)
        if found:
            if not (number.isascii() and number.isdigit()):
                raise ValueError("no number before %s in %r" % (unit, text))
            total, rest = total + size * int(number), after
    if rest or not text:
        raise ValueError("not a duration: %r" % text)
    return total
