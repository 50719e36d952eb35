"""The keys of a placement group, in order, in memory: its log is appended at one end and trimmed at the other."""

from __future__ import annotations

from bisect import bisect_left


class OrderedKeys:
    """A dictionary with ranges. Setting a key behind all others and removing from the front are cheap."""

    __slots__ = ("_keys", "_values")

    def __init__(self, items: list[tuple[str, bytes]] | None = None) -> None:
        self._values: dict[str, bytes] = dict(items or ())
        self._keys: list[str] = sorted(self._values)

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, key: str) -> bytes | None:
        """The value; None where there is none."""
        return self._values.get(key)

    def set(self, key: str, value: bytes) -> None:
        """Set one value."""
        if key not in self._values:
            if not self._keys or key > self._keys[-1]:
                self._keys.append(key)
            else:
                self._keys.insert(bisect_left(self._keys, key), key)
        self._values[key] = value

    def range(self, first: str, end: str) -> list[tuple[str, bytes]]:
        """All first <= key < end with their values, in order."""
        values = self._values
        return [(key, values[key]) for key in self._keys[bisect_left(self._keys, first) : bisect_left(self._keys, end)]]

    def remove(self, first: str, end: str) -> list[str]:
        """Forget all first <= key < end; which these were."""
        start, stop = bisect_left(self._keys, first), bisect_left(self._keys, end)
        gone = self._keys[start:stop]
        if gone:
            del self._keys[start:stop]
            for key in gone:
                del self._values[key]
        return gone

    def all(self) -> list[str]:
        """All keys, in order."""
        return list(self._keys)
