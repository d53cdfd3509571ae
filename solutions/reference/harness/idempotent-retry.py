"""A delivery that is tried again, under one key, until its answer is known."""

from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")
LONGEST_PAUSE = 8


def deliver(
    send: Callable[[str], T], key: str, attempts: int, sleep: Callable[[float], object]
) -> T | None:
    """What ``send(key)`` returns; ``None`` where an earlier call has booked it unseen.

    Raises what the last call raises, at once for what is not to be tried again, and ``ValueError``
    for less than one attempt.
    """
    if attempts < 1:
        raise ValueError(f"expected at least one attempt, found {attempts}")
    pause = 1
    for made in range(attempts):
        try:
            return send(key)
        except FileExistsError:
            if made == 0:
                raise
            return None
        except (ConnectionError, TimeoutError):
            if made == attempts - 1:
                raise
        sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    raise AssertionError("the last attempt returns or raises")


class Server:
    """Answers as its script says, and writes down what happens."""

    def __init__(self, *script: object) -> None:
        self.script = list(script)
        self.log: list[object] = []

    def send(self, key: str) -> object:
        self.log.append(key)
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        self.log.append(seconds)

    def deliver(self, attempts: int) -> object:
        return deliver(self.send, "k", attempts, self.sleep)


LOST = ConnectionResetError("lost")


def test_a_first_answer_is_enough() -> None:
    server = Server(7, 8)
    assert server.deliver(3) == 7
    assert server.log == ["k"]


def test_pauses_double_up_to_eight_seconds_and_the_key_stays() -> None:
    server = Server(LOST, TimeoutError(), LOST, LOST, LOST, 9)
    assert server.deliver(6) == 9
    assert server.log == ["k", 1, "k", 2, "k", 4, "k", 8, "k", 8, "k"]


def test_the_last_failure_is_raised_without_a_pause() -> None:
    server = Server(TimeoutError(), LOST, 1)
    with pytest.raises(ConnectionResetError, match="lost"):
        server.deliver(2)
    assert server.log == ["k", 1, "k"]


@pytest.mark.parametrize("error", [PermissionError(), KeyError(), FileExistsError()])
def test_other_failures_are_raised_at_once(error: Exception) -> None:
    server = Server(error, 1)
    with pytest.raises(type(error)):
        server.deliver(3)
    assert server.log == ["k"]


@pytest.mark.parametrize("attempts", [2, 3])
def test_booked_by_a_call_whose_answer_was_lost(attempts: int) -> None:
    server = Server(LOST, FileExistsError(), 1)
    assert server.deliver(attempts) is None
    assert server.log == ["k", 1, "k"]


@pytest.mark.parametrize("attempts", [0, -1])
def test_without_attempts_nothing_is_called(attempts: int) -> None:
    server = Server(1)
    with pytest.raises(ValueError, match="at least one attempt"):
        server.deliver(attempts)
    assert server.log == []
