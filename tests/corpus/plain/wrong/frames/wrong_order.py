# fails: equals
import re


def payload(frame):
    found = re.fullmatch(rb"\x02([^\x02\x03]{0,5})\x03", frame, re.DOTALL)
    if found is None:
        raise ValueError("no frame")
    return found[1]


def stuffed(data):
    return data.replace(b"\x7e", b"\x7d\x5e").replace(b"\x7d", b"\x7d\x5d")
