# fails: round_trip
def pack(words, sep):
    return words


def unpack(text, sep):
    return text


def vocabulary(words):
    return list(dict.fromkeys(words))
