"""A dict keeps its order: whatever is used is taken out and put in again at the end."""

from typing import Callable, NamedTuple, Optional


class _Entry(NamedTuple):
    value: int
    since: float


class ExpiringCache:
    def __init__(self, max_size: int, lifetime: float, clock: Callable[[], float]):
        if max_size <= 0 or lifetime <= 0:
            raise ValueError(f"max_size and lifetime must be positive: {max_size}, {lifetime}")
        self._max_size = max_size
        self._lifetime = lifetime
        self._clock = clock
        self._entries: dict[str, _Entry] = {}

    def _purge(self) -> float:
        now = self._clock()
        self._entries = {k: e for k, e in self._entries.items() if now < e.since + self._lifetime}
        return now

    def put(self, key: str, value: int) -> None:
        now = self._purge()
        self._entries.pop(key, None)
        while len(self._entries) >= self._max_size:
            self._entries.pop(next(iter(self._entries)))
        self._entries[key] = _Entry(value, now)

    def get(self, key: str) -> Optional[int]:
        self._purge()
        entry = self._entries.pop(key, None)
        if entry is None:
            return None
        self._entries[key] = entry
        return entry.value

    def __len__(self) -> int:
        self._purge()
        return len(self._entries)
