# fails: scales
def distinct(items):
    if not items:
        return []
    return [items[0]] + distinct([i for i in items[1:] if i != items[0]])
