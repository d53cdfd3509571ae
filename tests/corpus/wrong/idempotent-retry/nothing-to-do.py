# fails: raises deliver
"""Without attempts the loop is empty, and the payment silently never made."""


def deliver(send, key, attempts, sleep):
    error = None
    for attempt in range(attempts):
        if attempt:
            sleep(min(2 ** (attempt - 1), 8))
        try:
            return send(key)
        except FileExistsError:
            if attempt == 0:
                raise
            return None
        except (ConnectionError, TimeoutError) as failure:
            error = failure
    if error:
        raise error
