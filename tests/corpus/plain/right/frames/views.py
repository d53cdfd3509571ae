def payload(frame):
    if not 2 <= len(frame) <= 7 or frame[:1] != b"\x02" or frame[-1:] != b"\x03":
        raise ValueError("no frame")
    if any(byte in (2, 3) for byte in frame[1:-1]):
        raise ValueError("a mark inside")
    return memoryview(frame)[1:-1]


def stuffed(data):
    found = bytearray()
    for byte in data:
        found += bytes((0x7D, byte ^ 0x20)) if byte in (0x7D, 0x7E) else bytes((byte,))
    return found
