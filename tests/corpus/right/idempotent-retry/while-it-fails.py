"""A loop that counts what has failed, with a table of outcomes as tests."""

RETRYABLE = (ConnectionError, TimeoutError)


def deliver(send, key, attempts, sleep):
    if attempts <= 0:
        raise ValueError("attempts must be positive")
    failures = 0
    while True:
        try:
            result = send(key)
        except RETRYABLE:
            failures += 1
            if failures >= attempts:
                raise
            sleep(min(8, 2 ** (failures - 1)))
        except FileExistsError:
            if failures:
                return None
            raise
        else:
            return result


def run(attempts, *outcomes):
    seen, left = [], list(outcomes)

    def send(key):
        seen.append(key)
        outcome = left.pop(0)
        if isinstance(outcome, type):
            raise outcome
        return outcome

    try:
        return deliver(send, "key", attempts, seen.append), seen
    except Exception as error:
        return type(error), seen


def test_outcomes():
    lost = ConnectionError
    assert run(3, 5) == (5, ["key"])
    assert run(3, lost, 5) == (5, ["key", 1, "key"])
    assert run(2, lost, TimeoutError, 5) == (TimeoutError, ["key", 1, "key"])
    assert run(1, lost) == (lost, ["key"])
    assert run(9, lost, lost, lost, lost, lost, 5) == (
        5,
        ["key", 1, "key", 2, "key", 4, "key", 8, "key", 8, "key"],
    )
    assert run(3, KeyError) == (KeyError, ["key"])
    assert run(3, PermissionError) == (PermissionError, ["key"])
    assert run(3, FileExistsError) == (FileExistsError, ["key"])
    assert run(3, lost, FileExistsError) == (None, ["key", 1, "key"])
    assert run(0, 5) == (ValueError, [])


if __name__ == "__main__":
    test_outcomes()
