"""Connections: both ends know each other, messages arrive whole and in order, a broken peer is let go."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop

from storage.connection import Connection, connect, listen, split_address
from storage.frames import encode
from storage.messages import Beacon, Hello, Subscribe, UpThru


class End:
    """Remembers what one end of a connection saw."""

    def __init__(self) -> None:
        self.opened: list[Connection] = []
        self.messages: list[tuple[Any, bytes]] = []
        self.closed: list[str] = []

    def on_open(self, connection: Connection) -> None:
        self.opened.append(connection)

    def on_message(self, _: Connection, message: Any, data: memoryview) -> None:
        self.messages.append((message, bytes(data)))

    def on_closed(self, _: Connection, reason: str) -> None:
        self.closed.append(reason)


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.001)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await test()

    uvloop.run(limited())


SERVER, CLIENT = Hello("mon.a", "s1", "f1"), Hello("osd.1", "c1")


def test_both_ends_know_each_other_and_messages_arrive_in_order() -> None:
    async def test() -> None:
        here, there = End(), End()
        listener = await listen("127.0.0.1:0", SERVER, there.on_message, there.on_closed, there.on_open)
        connection = await connect(listener.address, CLIENT, here.on_message, here.on_closed)
        assert (connection.name, connection.incarnation) == ("mon.a", "s1")
        await until(lambda: there.opened)
        assert (there.opened[0].name, there.opened[0].incarnation) == ("osd.1", "c1")
        payload = bytes(range(256)) * 20000  # larger than any buffer on the way
        for number in range(100):
            connection.send(Subscribe(number), [payload, b"end"] if number == 50 else [])
        await until(lambda: len(there.messages) == 100)
        assert [message.epoch for message, _ in there.messages] == list(range(100))
        assert there.messages[50][1] == payload + b"end"
        there.opened[0].send(UpThru(1, "c1", 7), [memoryview(b"back")])
        await until(lambda: here.messages)
        assert here.messages == [(UpThru(1, "c1", 7), b"back")]
        connection.close()
        await until(lambda: there.closed)
        assert here.closed == ["closed here"]
        assert there.closed == ["closed by the other end"]
        assert not listener.connections
        connection.send(Subscribe(1))  # lost, quietly
        listener.close()

    run(test)


def test_closing_sends_what_is_queued() -> None:
    async def test() -> None:
        here, there = End(), End()
        listener = await listen("127.0.0.1:0", SERVER, there.on_message, there.on_closed, there.on_open)
        connection = await connect(listener.address, CLIENT, here.on_message, here.on_closed)
        connection.send(Subscribe(1), [bytes(8 << 20)])
        assert connection.unsent > 0
        connection.close()
        await until(lambda: there.closed)
        assert len(there.messages[0][1]) == 8 << 20
        listener.close()

    run(test)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"GET / HTTP/1.1\r\nHost: somewhere.example\r\n\r\n", b""),
        (b"".join(map(bytes, encode(Subscribe(1)))), b""),
        (b"".join(map(bytes, encode(Hello("osd.1", "x", "another cluster")))), b""),
        (b"".join(map(bytes, encode(CLIENT))), b"".join(map(bytes, encode(Subscribe(1))))[:-1] + b"\xff"),
    ],
    ids=["protocol", "greeting", "cluster", "frame"],
)
def test_a_peer_that_speaks_otherwise_is_let_go_with_one_line(
    first: bytes, then: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        there = End()
        listener = await listen("127.0.0.1:0", SERVER, there.on_message, there.on_closed, there.on_open)
        host, port = split_address(listener.address)
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(first)
        if then:
            await reader.read(1)
            writer.write(then)
        try:
            async with asyncio.timeout(5):
                await reader.read()
        except ConnectionResetError:
            pass
        assert not there.messages
        assert len(there.closed) == len(there.opened) == (1 if then else 0)
        writer.close()
        listener.close()

    with caplog.at_level(logging.WARNING):
        run(test)
    assert len(caplog.records) == 1
    assert "\n" not in caplog.records[0].getMessage()


def test_a_handler_that_fails_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        here, there = End(), End()

        def fails(*_: object) -> None:
            raise RuntimeError("no")

        listener = await listen("127.0.0.1:0", SERVER, fails, there.on_closed, there.on_open)
        connection = await connect(listener.address, CLIENT, here.on_message, here.on_closed)
        connection.send(Subscribe(1))
        connection.send(Subscribe(2))
        await until(lambda: here.closed and there.closed)
        listener.close()

    run(test)
    assert len(caplog.records) == 1


def test_connecting_fails_with_an_oserror() -> None:
    async def test() -> None:
        end = End()
        listener = await listen("127.0.0.1:0", SERVER, end.on_message, end.on_closed)
        listener.close()
        with pytest.raises(OSError, match=r"refused|Connect call failed|111"):
            await connect(listener.address, CLIENT, end.on_message, end.on_closed)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(TimeoutError):
                await connect(address, CLIENT, end.on_message, end.on_closed, seconds=0.2)
        strict = await listen("127.0.0.1:0", SERVER, end.on_message, end.on_closed)
        with pytest.raises(ConnectionError):
            await connect(strict.address, Hello("osd.1", "x", "other"), end.on_message, end.on_closed)
        strict.close()
        assert not end.closed

    run(test)


def test_beacons_of_many_groups_survive_the_wire() -> None:
    async def test() -> None:
        here, there = End(), End()
        listener = await listen("127.0.0.1:0", SERVER, there.on_message, there.on_closed)
        connection = await connect(listener.address, CLIENT, here.on_message, here.on_closed)
        connection.send(Beacon(1, "c1", 3, 100, 10))
        await until(lambda: there.messages)
        assert there.messages[0][0] == Beacon(1, "c1", 3, 100, 10)
        listener.close()
        await until(lambda: here.closed)

    run(test)


def test_addresses() -> None:
    assert split_address("127.0.0.1:6789") == ("127.0.0.1", 6789)
    assert split_address("[::1]:6789") == ("::1", 6789)
    with pytest.raises(ValueError, match="host:port"):
        split_address("6789")
