"""An OSD's connections to the other OSDs: one outgoing to each, kept up; answers come in through the other's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from storage.link import Link
from storage.messages import Hello, Message
from storage.osd.surroundings import Buffer


class Peers:
    """The other OSDs, at the addresses that the map says."""

    def __init__(
        self, hello: Hello, on_reset: Callable[[int], None], on_unreachable: Callable[[int, str], None]
    ) -> None:
        self._hello, self._on_reset, self._on_unreachable = hello, on_reset, on_unreachable
        self._links: dict[int, Link] = {}

    def know(self, addresses: dict[int, str]) -> None:
        """Connect to these, and to no others."""
        for number, link in list(self._links.items()):
            if addresses.get(number) != link.address:
                del self._links[number]
                link.close()
        for number, address in addresses.items():
            if number not in self._links:
                self._links[number] = self._connect(number, address)

    def _connect(self, number: int, address: str) -> Link:
        return Link(
            address,
            self._hello,
            lambda connection, message, data: None,  # answers come in through the other's own connection
            lambda: self._on_reset(number),
            lambda reason: self._on_unreachable(number, reason),
        )

    def send(self, number: int, message: Message, data: Sequence[Buffer] = ()) -> None:
        """Lost where it can't be reached at the moment."""
        link = self._links.get(number)
        if link is not None:
            link.send(message, data)

    def close(self) -> None:
        """Connect to nobody any more."""
        self.know({})
