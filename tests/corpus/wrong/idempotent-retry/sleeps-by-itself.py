# fails: equals deliver
"""Backs off with jitter and time.sleep, as blogs advise, and not as asked."""

import random
import time


def deliver(send, key, attempts, sleep=time.sleep):
    if attempts < 1:
        raise ValueError("attempts must be at least 1")
    for attempt in range(attempts):
        try:
            return send(key)
        except FileExistsError:
            if attempt == 0:
                raise
            return None
        except (ConnectionError, TimeoutError):
            if attempt == attempts - 1:
                raise
            sleep(min(2**attempt, 8) * random.uniform(0.5, 1.5))
