# fails: equals
import json


def pack(words, sep):
    escaped = f"\\u{ord(sep):04x}"
    return "".join(json.dumps([word])[1:-1].replace(sep, escaped) + sep for word in words)


def unpack(text, sep):
    return [json.loads(word) for word in text.split(sep)[:-1]]


def vocabulary(words):
    return list(set(words))
