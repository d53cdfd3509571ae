# fails: raises deliver
"""OSError is the base of both, and of those that are to be raised at once."""


def deliver(send, key, attempts, sleep):
    if attempts < 1:
        raise ValueError("attempts must be at least 1")
    for attempt in range(attempts):
        try:
            return send(key)
        except FileExistsError:
            if attempt:
                return None
            raise
        except OSError:
            if attempt == attempts - 1:
                raise
            sleep(min(2**attempt, 8))
