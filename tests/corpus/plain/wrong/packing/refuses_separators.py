# fails: round_trip
def pack(words, sep):
    if any(sep in word for word in words):
        raise ValueError("a separator in a word")
    return "".join(word + sep for word in words)


def unpack(text, sep):
    return text.split(sep)[:-1]


def vocabulary(words):
    return list(dict.fromkeys(words))
