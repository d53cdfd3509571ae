# fails: equals deliver
"""The plain retry: a payment that has arrived is told as a failure."""


def deliver(send, key, attempts, sleep):
    if attempts < 1:
        raise ValueError("attempts must be at least 1")
    for attempt in range(attempts):
        try:
            return send(key)
        except (ConnectionError, TimeoutError):
            if attempt + 1 == attempts:
                raise
            sleep(min(2**attempt, 8))
