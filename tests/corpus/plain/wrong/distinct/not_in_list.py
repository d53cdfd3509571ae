# fails: scales
def distinct(items):
    found = []
    for item in items:
        if item not in found:
            found.append(item)
    return found
