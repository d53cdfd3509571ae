def distinct(items):
    places = sorted(range(len(items)), key=lambda place: (items[place], place))
    firsts = [p for q, p in zip([None, *places], places) if q is None or items[q] != items[p]]
    return [items[place] for place in sorted(firsts)]
