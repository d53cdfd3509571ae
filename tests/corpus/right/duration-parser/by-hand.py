"""Character by character, with a cache of functools."""

from functools import lru_cache


class BadDuration(ValueError):
    """Not hours, minutes and seconds in order."""


@lru_cache(maxsize=64)
def parse_duration(text):
    left = list("hms")
    total, digits = 0, ""
    for character in text:
        if character in "0123456789":
            digits += character
        elif character in left and digits:
            total += int(digits) * 60 ** (2 - "hms".index(character))
            left = left[left.index(character) + 1 :]
            digits = ""
        else:
            raise BadDuration(text)
    if digits or len(left) == 3:
        raise BadDuration(text)
    return total
