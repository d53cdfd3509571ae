# fails: raises parse_duration
"""Refuses units that come twice or too late, with the KeyError of its table."""


def parse_duration(text):
    total, digits, sizes = 0, "", {"h": 3600, "m": 60, "s": 1}
    for character in text:
        if character in "0123456789":
            digits += character
        else:
            total += int(digits) * sizes.pop(character)
            digits = ""
            if character == "m":
                sizes.pop("h", None)
            if character == "s":
                sizes.clear()
    if digits or not text:
        raise ValueError(text)
    return total
