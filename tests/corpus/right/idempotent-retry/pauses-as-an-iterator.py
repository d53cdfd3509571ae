"""The pauses are a finite iterator; when it is empty, the failure is the answer."""

from itertools import chain, islice, repeat


def deliver(send, key, attempts, sleep):
    if attempts < 1:
        raise ValueError(f"attempts must be at least 1, not {attempts}")
    pauses = islice(chain((1, 2, 4), repeat(8)), attempts - 1)
    may_have_arrived = False
    while True:
        try:
            return send(key)
        except (ConnectionError, TimeoutError) as failure:
            pause = next(pauses, None)
            if pause is None:
                raise failure
            may_have_arrived = True
        except FileExistsError:
            if not may_have_arrived:
                raise
            return None
        sleep(pause)
