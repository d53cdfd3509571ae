def distinct(items):
    found = {}
    for item in items:
        for _ in range(20):
            found.setdefault(item, len(found))
    return sorted(found, key=found.get)
