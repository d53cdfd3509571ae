def distinct(items):
    seen = set()
    return [i for i in items if not (i in seen or seen.add(i))]
