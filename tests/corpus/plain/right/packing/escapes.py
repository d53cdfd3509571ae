def pack(words, sep):
    return "".join(word.replace("\\", "\\\\").replace(sep, "\\s") + sep for word in words)


def unpack(text, sep):
    found = [[]]
    marks = iter(text)
    for mark in marks:
        if mark == "\\":
            found[-1].append({"\\": "\\", "s": sep}[next(marks)])
        elif mark == sep:
            found.append([])
        else:
            found[-1].append(mark)
    return ["".join(word) for word in found[:-1]]


def vocabulary(words):
    return list(dict.fromkeys(words))
