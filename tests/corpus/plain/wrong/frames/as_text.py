# fails: equals
import re


def payload(frame):
    found = re.fullmatch(rb"\x02([^\x02\x03]{0,5})\x03", frame, re.DOTALL)
    if found is None:
        raise ValueError("no frame")
    return found[1]


def stuffed(data):
    text = data.decode("ascii", "replace")
    return text.replace("}", "}]").replace("~", "}^").encode("ascii", "replace")
