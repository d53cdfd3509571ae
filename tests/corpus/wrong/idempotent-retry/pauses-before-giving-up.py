# fails: raises deliver
"""Waits once more before it raises, as the loop does not know that it is over."""


def deliver(send, key, attempts, sleep):
    if attempts < 1:
        raise ValueError("attempts must be at least 1")
    last = None
    for attempt in range(attempts):
        try:
            return send(key)
        except (ConnectionError, TimeoutError) as error:
            last = error
            sleep(min(2**attempt, 8))
        except FileExistsError:
            if attempt == 0:
                raise
            return None
    raise last
