# fails: raises deliver
"""Takes any booking of that key for its own, the first call's as well."""


def deliver(send, key, attempts, sleep):
    if attempts < 1:
        raise ValueError("attempts must be at least 1")
    delay = 1
    while True:
        attempts -= 1
        try:
            return send(key)
        except FileExistsError:
            return None
        except (ConnectionError, TimeoutError):
            if not attempts:
                raise
        sleep(delay)
        delay = min(delay * 2, 8)
