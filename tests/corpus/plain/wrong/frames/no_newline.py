# fails: equals
import re


def payload(frame):
    found = re.fullmatch(rb"\x02((?:(?![\x02\x03]).){0,5})\x03", frame)
    if found is None:
        raise ValueError("no frame")
    return found[1]


def stuffed(data):
    escapes = {0x7E: b"\x7d\x5e", 0x7D: b"\x7d\x5d"}
    return b"".join(escapes.get(byte, bytes([byte])) for byte in data)
