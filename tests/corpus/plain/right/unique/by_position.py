class NotADigit(ValueError):
    pass


def unique(items):
    for item in items:
        if item not in range(10):
            raise NotADigit(item)
    found = []
    for place, item in enumerate(items):
        if item not in items[:place]:
            found.append([item, items.count(item)])
    return found
