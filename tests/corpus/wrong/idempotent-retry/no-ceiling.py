# fails: raises deliver
"""The pauses go on doubling."""


def deliver(send, key, attempts, sleep):
    if attempts < 1:
        raise ValueError("attempts must be at least 1")
    for attempt in range(attempts):
        try:
            return send(key)
        except (ConnectionError, TimeoutError):
            if attempt == attempts - 1:
                raise
            sleep(2**attempt)
        except FileExistsError:
            if attempt == 0:
                raise
            return None
