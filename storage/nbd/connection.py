"""One NBD connection: the handshake step by step, then requests, many under way at once.

A small request costs one task; its bytes are not copied on the way in. Replies of one turn of the loop go out together.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable
from typing import cast

from storage.client.image import Image
from storage.errors import BadRequest, ClusterFull, ImageError, ReadOnly, StorageError
from storage.nbd import handshake
from storage.nbd.exports import Exports
from storage.nbd.handshake import BadOption, Export
from storage.nbd.wire import (
    ALLOCATION_ID,
    CHUNK,
    CHUNK_DONE,
    CHUNK_MAGIC,
    CLIENT_FLAGS,
    FIXED_NEWSTYLE,
    HELLO,
    HOLE_AND_ZERO,
    LONGEST_OPTION,
    LONGEST_REQUEST,
    NO_ZEROES,
    OPTION,
    OPTION_MAGIC,
    READ_CHUNK,
    REQUEST,
    REQUEST_MAGIC,
    SERVER_FLAGS,
    SIMPLE_REPLY,
    SIMPLE_REPLY_MAGIC,
    ChunkType,
    Command,
    Errno,
    Flag,
    Option,
    OptionReply,
)

log = logging.getLogger(__name__)
Buffer = bytes | bytearray | memoryview
#: A client that has so many bytes of answers waiting is not read from, until it takes them.
MOST_UNSENT = 8 << 20


class BadClient(Exception):
    """The client does not speak the protocol: its connection ends."""


def errno_of(error: StorageError) -> Errno:
    """What the protocol can say of an error."""
    if isinstance(error, ReadOnly):
        return Errno.EPERM
    if isinstance(error, ClusterFull):
        return Errno.ENOSPC
    return Errno.EINVAL if isinstance(error, BadRequest) else Errno.EIO


class NbdConnection(asyncio.Protocol):
    """`on_closed` is called once, when the connection is gone and nothing of it is under way."""

    def __init__(self, exports: Exports, on_closed: Callable[[NbdConnection], None]) -> None:
        self._exports, self._on_closed = exports, on_closed
        self._waiting = bytearray()
        self._wanted = CLIENT_FLAGS.size
        self._then: Callable[[memoryview], None] = self._client_flags
        self._tasks: set[asyncio.Task[None]] = set()
        self._image: Image | None = None
        self._no_zeroes = self._structured = self._allocation = False
        self._ended = self._leaving = False

    # -- bytes in ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self._transport.write(HELLO + SERVER_FLAGS.pack(FIXED_NEWSTYLE | NO_ZEROES))

    def data_received(self, data: bytes) -> None:
        """Hand whole pieces to whoever expects them; what is left waits for more."""
        if self._waiting:
            self._waiting += data
            if len(self._waiting) < self._wanted:
                return
            data = bytes(self._waiting)
            self._waiting.clear()
        view, at = memoryview(data), 0
        try:
            while not self._ended and len(view) - at >= self._wanted:
                piece = view[at : at + self._wanted]
                at += self._wanted
                self._then(piece)
        except BadClient as error:
            log.warning("nbd: closing a connection: %s", error)
            self._end()
        if at < len(view):
            self._waiting += view[at:]

    def _expect(self, size: int, then: Callable[[memoryview], None]) -> None:
        self._wanted, self._then = size, then

    def _pause(self) -> None:
        """What comes after waits until a task is done."""
        self._wanted = 1 << 62

    def _go_on(self, size: int, then: Callable[[memoryview], None]) -> None:
        self._expect(size, then)
        if self._waiting and not self._ended:
            waiting = bytes(self._waiting)
            self._waiting.clear()
            self.data_received(waiting)

    def _in_background(self, work: asyncio._CoroutineLike[None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("nbd: a request failed", exc_info=task.exception())
            self._end()
        if self._leaving and not self._tasks:
            self._leave()

    def close(self) -> None:
        """End it from this side."""
        self._end()

    def _end(self) -> None:
        self._ended = True
        self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = self._leaving = True
        if not self._tasks:
            self._leave()

    def _leave(self) -> None:
        self._leaving = False
        image, self._image = self._image, None

        async def leave() -> None:
            try:
                if image is not None:
                    await self._exports.close(image)
            except StorageError as failure:
                log.warning("nbd: closing an image: %s", failure)
            finally:
                self._on_closed(self)

        self._closing = self._loop.create_task(leave())

    # -- handshake ---------------------------------------------------------------------------------------------

    def _client_flags(self, data: memoryview) -> None:
        (flags,) = CLIENT_FLAGS.unpack(data)
        if flags & ~(FIXED_NEWSTYLE | NO_ZEROES):
            raise BadClient(f"unknown client flags {flags:#x}")
        self._no_zeroes = bool(flags & NO_ZEROES)
        self._expect(OPTION.size, self._option)

    def _option(self, data: memoryview) -> None:
        magic, option, length = OPTION.unpack(data)
        if magic != OPTION_MAGIC or length > LONGEST_OPTION:
            raise BadClient("no option of this protocol")
        if length:
            self._expect(length, lambda body: self._handle_option(option, bytes(body)))
        else:
            self._handle_option(option, b"")

    def _handle_option(self, option: int, body: bytes) -> None:
        self._pause()
        self._in_background(self._answer_option(option, body))

    async def _answer_option(self, option: int, body: bytes) -> None:
        try:
            is_open = await self._negotiate(option, body)
        except BadOption as error:
            self._transport.write(handshake.refusal(option, OptionReply.INVALID, str(error)))
            is_open = False
        if is_open:
            self._go_on(REQUEST.size, self._request)
        else:
            self._go_on(OPTION.size, self._option)

    async def _negotiate(self, option: int, body: bytes) -> bool:
        """Answer an option; whether requests follow."""
        write = self._transport.write
        if option == Option.EXPORT_NAME:
            return await self._open_old_style(body)
        if option == Option.ABORT:
            write(handshake.reply(option, OptionReply.ACK))
            self._end()
        elif option == Option.LIST:
            write(handshake.list_replies(await self._exports.names()))
        elif option in (Option.INFO, Option.GO):
            return await self._open(option, handshake.wanted_export(body))
        elif option == Option.STRUCTURED_REPLY:
            self._structured = True
            write(handshake.reply(option, OptionReply.ACK))
        elif option in (Option.LIST_META_CONTEXT, Option.SET_META_CONTEXT):
            if not self._structured:
                raise BadOption("structured replies come first")
            answer, is_wanted = handshake.context_replies(option, handshake.wanted_contexts(body)[1])
            if option == Option.SET_META_CONTEXT:
                self._allocation = is_wanted
            write(answer)
        else:
            write(handshake.reply(option, OptionReply.UNSUPPORTED))
        return False

    async def _open(self, option: int, name: str) -> bool:
        try:
            image = await self._exports.open(name)
        except StorageError as error:
            kind = OptionReply.UNKNOWN if isinstance(error, ImageError) else OptionReply.POLICY
            self._transport.write(handshake.refusal(option, kind, str(error)))
            return False
        self._transport.write(handshake.info_replies(option, Export(image.size, image.read_only)))
        if option == Option.INFO:
            await self._exports.close(image)
            return False
        self._image = image
        return True

    async def _open_old_style(self, body: bytes) -> bool:
        try:
            self._image = await self._exports.open(body.decode(errors="replace"))
        except StorageError as error:
            log.warning("nbd: %s", error)
            self._end()  # this option has no way to say no
            return False
        export = Export(self._image.size, self._image.read_only)
        self._transport.write(handshake.old_style_answer(export, no_zeroes=self._no_zeroes))
        return True

    # -- requests ----------------------------------------------------------------------------------------------

    def _request(self, data: memoryview) -> None:
        magic, flags, kind, cookie, offset, length = REQUEST.unpack(data)
        if magic != REQUEST_MAGIC:
            raise BadClient("no request of this protocol")
        if kind == Command.WRITE:
            if length > LONGEST_REQUEST:
                raise BadClient(f"a write of {length} bytes is longer than {LONGEST_REQUEST}")

            def write(body: memoryview) -> None:
                self._expect(REQUEST.size, self._request)
                self._begin(self._write(cookie, offset, body), cookie)

            self._expect(length, write)
            if not length:
                write(data[:0])
        elif kind == Command.READ:
            self._begin(self._read(cookie, offset, length), cookie)
        elif kind == Command.DISCONNECT:
            self._leaving_in_order()
        else:
            self._begin(self._other(kind, flags, cookie, offset, length), cookie)

    def _begin(self, work: asyncio._CoroutineLike[None], cookie: int) -> None:
        self._in_background(work)
        if self._transport.get_write_buffer_size() > MOST_UNSENT:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if not self._ended:
            self._transport.resume_reading()

    def _leaving_in_order(self) -> None:
        self._pause()

        async def end() -> None:
            others = [task for task in self._tasks if task is not asyncio.current_task()]
            if others:
                await asyncio.wait(others)
            self._end()

        self._in_background(end())

    async def _read(self, cookie: int, offset: int, length: int) -> None:
        assert self._image is not None
        try:
            if length > LONGEST_REQUEST:
                raise BadRequest(f"a read of {length} bytes is longer than {LONGEST_REQUEST}")
            data = await self._image.read(offset, length)
        except StorageError as error:
            self._fail(cookie, error)
            return
        if self._structured:
            head = READ_CHUNK.pack(
                CHUNK_MAGIC, CHUNK_DONE, ChunkType.OFFSET_DATA, cookie, 8 + length, offset
            )  # fmt: skip
        else:
            head = SIMPLE_REPLY.pack(SIMPLE_REPLY_MAGIC, 0, cookie)
        self._transport.writelines((head, data))

    async def _write(self, cookie: int, offset: int, data: memoryview) -> None:
        assert self._image is not None
        try:
            await self._image.write(offset, data)
        except StorageError as error:
            self._fail(cookie, error)
        else:
            self._transport.write(SIMPLE_REPLY.pack(SIMPLE_REPLY_MAGIC, 0, cookie))

    async def _other(self, kind: int, flags: int, cookie: int, offset: int, length: int) -> None:
        assert self._image is not None
        try:
            if kind == Command.FLUSH:
                await self._image.flush()
            elif kind == Command.TRIM or (kind == Command.WRITE_ZEROES and not flags & Flag.NO_HOLE):
                await self._image.discard(offset, length)
            elif kind == Command.WRITE_ZEROES:
                await self._write_zeros(offset, length)
            elif kind == Command.BLOCK_STATUS and self._allocation:
                await self._block_status(flags, cookie, offset, length)
                return
            elif kind != Command.CACHE:
                raise BadRequest(f"no command {kind} here")
        except StorageError as error:
            self._fail(cookie, error)
        else:
            self._transport.write(SIMPLE_REPLY.pack(SIMPLE_REPLY_MAGIC, 0, cookie))

    async def _write_zeros(self, offset: int, length: int) -> None:
        assert self._image is not None
        step = self._image.object_size
        for start in range(offset, offset + length, step):
            await self._image.write(start, bytes(min(step, offset + length - start)))

    async def _block_status(self, flags: int, cookie: int, offset: int, length: int) -> None:
        assert self._image is not None
        if not length:
            raise BadRequest("the status of no bytes")
        runs = await self._image.allocated(offset, length)
        if flags & Flag.REQ_ONE:
            runs = runs[:1]
        body = struct.pack(">I", ALLOCATION_ID)
        body += b"".join(struct.pack(">II", count, 0 if is_there else HOLE_AND_ZERO) for count, is_there in runs)
        head = CHUNK.pack(CHUNK_MAGIC, CHUNK_DONE, ChunkType.BLOCK_STATUS, cookie, len(body))
        self._transport.write(head + body)

    def _fail(self, cookie: int, error: StorageError) -> None:
        number = errno_of(error)
        if number is Errno.EIO:
            log.warning("nbd: %s", error)
        if not self._structured:
            self._transport.write(SIMPLE_REPLY.pack(SIMPLE_REPLY_MAGIC, number, cookie))
            return
        sentence = str(error).encode()[:1000]
        body = struct.pack(">IH", number, len(sentence)) + sentence
        self._transport.write(CHUNK.pack(CHUNK_MAGIC, CHUNK_DONE, ChunkType.ERROR, cookie, len(body)) + body)
