"""The NBD server's manners with clients that make mistakes: nobody else is hurt, and no request is half done."""

from __future__ import annotations

import asyncio
import struct

import uvloop

from storage.client.images import Images
from storage.client.memory_context import MemoryCluster
from storage.nbd.exports import Exports
from storage.nbd.server import NbdServer
from storage.nbd.wire import (
    CLIENT_FLAGS,
    HELLO,
    OPTION,
    OPTION_MAGIC,
    OPTION_REPLY,
    REQUEST,
    REQUEST_MAGIC,
    SIMPLE_REPLY,
    Command,
    Errno,
    Option,
    OptionReply,
)

SIZE = 1 << 20


class Client:
    """Speaks the protocol by hand, with simple replies."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def connect(self) -> None:
        host, port = self.address.split(":")
        self.reader, self.writer = await asyncio.open_connection(host, int(port))
        assert (await self.reader.readexactly(18))[:16] == HELLO
        self.writer.write(CLIENT_FLAGS.pack(3))

    async def option(self, number: int, data: bytes = b"") -> tuple[int, bytes]:
        self.writer.write(OPTION.pack(OPTION_MAGIC, number, len(data)) + data)
        _, _, kind, length = OPTION_REPLY.unpack(await self.reader.readexactly(OPTION_REPLY.size))
        return kind, await self.reader.readexactly(length)

    async def go(self, name: str = "one") -> None:
        body = struct.pack(">I", len(name)) + name.encode() + struct.pack(">H", 0)
        assert (await self.option(Option.GO, body))[0] == OptionReply.INFO
        for kind in (OptionReply.INFO, OptionReply.ACK):
            _, _, got, length = OPTION_REPLY.unpack(await self.reader.readexactly(OPTION_REPLY.size))
            assert got == kind
            await self.reader.readexactly(length)

    async def request(self, kind: int, offset: int, length: int, data: bytes = b"", cookie: int = 1) -> int:
        self.writer.write(REQUEST.pack(REQUEST_MAGIC, 0, kind, cookie, offset, length) + data)
        _, error, got = SIMPLE_REPLY.unpack(await self.reader.readexactly(SIMPLE_REPLY.size))
        assert got == cookie
        return int(error)

    async def is_closed(self) -> bool:
        async with asyncio.timeout(5):
            is_over = await self.reader.read(1) == b""
        self.writer.close()
        return is_over


async def server() -> NbdServer:
    images = Images(MemoryCluster().connect("client.nbd"))
    await images.create("one", SIZE)
    one = NbdServer(Exports(images))
    await one.start("127.0.0.1:0")
    return one


async def with_client(name: str = "one") -> tuple[NbdServer, Client]:
    one = await server()
    client = Client(one.address)
    await client.connect()
    if name:
        await client.go(name)
    return one, client


def test_beyond_the_end_and_unknown_commands_are_einval_and_the_connection_goes_on() -> None:
    async def go() -> None:
        one, client = await with_client()
        assert await client.request(Command.READ, SIZE - 10, 20) == Errno.EINVAL
        assert await client.request(Command.WRITE, SIZE, 4, b"beef") == Errno.EINVAL
        assert await client.request(Command.TRIM, SIZE, 4096) == Errno.EINVAL
        assert await client.request(Command.READ, 0, 1 << 31) == Errno.EINVAL
        assert await client.request(99, 0, 0) == Errno.EINVAL
        assert await client.request(Command.FLUSH, 0, 0) == 0
        assert await client.request(Command.READ, 0, 4) == 0
        assert await client.reader.readexactly(4) == bytes(4)
        client.writer.close()
        await one.stop()

    uvloop.run(go())


def test_bytes_may_come_in_any_pieces() -> None:
    async def go() -> None:
        one, client = await with_client()
        stream = b"".join(
            REQUEST.pack(REQUEST_MAGIC, 0, Command.WRITE, number, number * 16, 16) + bytes([number]) * 16
            for number in range(1, 20)
        )
        for at in range(0, len(stream), 7):
            client.writer.write(stream[at : at + 7])
            await client.writer.drain()
            await asyncio.sleep(0)
        for _ in range(1, 20):
            _, error, _ = SIMPLE_REPLY.unpack(await client.reader.readexactly(SIMPLE_REPLY.size))
            assert not error
        assert await client.request(Command.READ, 16, 19 * 16) == 0
        assert await client.reader.readexactly(19 * 16) == b"".join(bytes([n]) * 16 for n in range(1, 20))
        client.writer.close()
        await one.stop()

    uvloop.run(go())


def test_whoever_does_not_speak_the_protocol_is_left() -> None:
    async def go() -> None:
        one, client = await with_client()
        client.writer.write(b"GET / HTTP/1.1\r\nHost: somewhere\r\n\r\n")
        assert await client.is_closed()
        other = Client(one.address)
        await other.connect()
        other.writer.write(OPTION.pack(b"NOOPTION", 1, 0))
        assert await other.is_closed()
        await one.stop()

    uvloop.run(go())


def test_options_that_are_wrong_or_unknown_are_refused_and_the_handshake_goes_on() -> None:
    async def go() -> None:
        one, client = await with_client("")
        assert (await client.option(77))[0] == OptionReply.UNSUPPORTED
        assert (await client.option(Option.GO, b"\0\0\0\xffx"))[0] == OptionReply.INVALID
        assert (await client.option(Option.SET_META_CONTEXT, b""))[0] == OptionReply.INVALID
        name = b"nobody"
        kind, sentence = await client.option(Option.GO, struct.pack(">I", 6) + name + b"\0\0")
        assert kind == OptionReply.UNKNOWN
        assert b"nobody" in sentence
        await client.go()
        assert await client.request(Command.READ, 0, 1) == 0
        client.writer.close()
        await one.stop()

    uvloop.run(go())
