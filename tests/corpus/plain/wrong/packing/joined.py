# fails: round_trip
def pack(words, sep):
    return sep.join(words)


def unpack(text, sep):
    return text.split(sep)


def vocabulary(words):
    return list(dict.fromkeys(words))
