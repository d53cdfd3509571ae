# fails: scales
def distinct(items):
    same = [bytearray(len(items)) for _ in items]
    first = {}
    for place, item in enumerate(items):
        same[first.setdefault(item, place)][place] = 1
    return [items[place] for place, row in enumerate(same) if row[place]]
