# fails: equals
import itertools


def retry(function, times, sleep):
    if not times >= 1:
        raise ValueError(times)
    for attempt in itertools.count(1):
        try:
            result = function()
        except ConnectionError as error:
            if attempt >= times:
                raise error
        else:
            return function()
        sleep(2 ** (attempt - 1))
