"""The other monitors: each tells all whom it hears, and what the newest map is. Nothing depends on their answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from storage.cluster_map import ClusterMap, decode_map
from storage.connection import Connection
from storage.link import Link
from storage.messages import AnyMessage, Heard, Hello, Maps, Subscribe


class Colleagues:
    """Links to all monitors; this one may be among the addresses, and then speaks to itself."""

    def __init__(self, addresses: Sequence[str], hello: Hello, learn: Callable[[ClusterMap], None]) -> None:
        self._learn = learn
        self._links = [self._link(address, hello) for address in addresses]

    def _link(self, address: str, hello: Hello) -> Link:
        link = Link(address, hello, self._received, lambda: link.send(Subscribe(0)), lambda _: None, pause=0.5)
        return link

    def _received(self, connection: Connection, message: AnyMessage, data: memoryview) -> None:
        if isinstance(message, Maps):
            self._learn(decode_map(message.maps[-1]))

    def tell(self, message: Heard) -> None:
        """To all that can be reached."""
        for link in self._links:
            link.send(message)

    def reachable(self) -> dict[str, bool]:
        """Which addresses answer."""
        return {link.address: link.is_open for link in self._links}

    def close(self) -> None:
        """Speak to nobody any more."""
        for link in self._links:
            link.close()
