"""How messages travel: a header, the message as msgpack, then its data as it is. Version 1 of the protocol.

    offset  size  what
    0       2     "QS"
    2       1     version of the protocol
    3       1     0
    4       4     length of the message, big-endian
    8       4     length of the data
    12      8     checksum (xxh3, 64 bits) of the message
    20      8     checksum of the data; 0 where there is none

A frame whose checksums do not fit ends the connection; whoever sent it sends again on the next one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import msgspec
import xxhash

from storage.messages import AnyMessage, Message

Buffer = bytes | bytearray | memoryview
MAGIC = b"QS"
VERSION = 1
HEADER = struct.Struct(">2sBBIIQQ")
#: No message or its data may be longer, bytes.
LONGEST = 64 << 20
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyMessage] = msgspec.msgpack.Decoder(AnyMessage)
_sum = xxhash.xxh3_64_intdigest


class BadFrame(Exception):
    """The other end speaks another protocol, or bytes were changed on the way."""


def encode(message: Message, data: Sequence[Buffer] = ()) -> list[Buffer]:
    """The buffers to send, in order."""
    body = _encoder.encode(message)
    if not data:
        return [HEADER.pack(MAGIC, VERSION, 0, len(body), 0, _sum(body), 0) + body]
    if len(data) == 1:
        length, total = len(data[0]), _sum(data[0])
    else:
        running = xxhash.xxh3_64()
        for piece in data:
            running.update(piece)
        length, total = sum(len(piece) for piece in data), running.intdigest()
    return [HEADER.pack(MAGIC, VERSION, 0, len(body), length, _sum(body), total) + body, *data]


class FrameReader:
    """Takes bytes as they come, gives whole messages with their data. Data is only valid while it is referenced."""

    def __init__(self) -> None:
        self._partial: bytearray | None = None
        self._filled = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[AnyMessage, memoryview]]:
        """Raises BadFrame; the connection must be closed then."""
        view = memoryview(chunk)
        while view:
            if self._partial is not None:
                view = self._fill(view)
                if self._partial is not None and self._complete():
                    whole, self._partial = memoryview(self._partial), None
                    yield self._decode(whole)
            elif len(view) < HEADER.size or len(view) < (total := self._total(view)):
                self._begin(view)
                return
            else:
                yield self._decode(view[:total])
                view = view[total:]

    def _begin(self, view: memoryview) -> None:
        size = HEADER.size if len(view) < HEADER.size else self._total(view)
        self._partial = bytearray(size)
        self._partial[: len(view)] = view
        self._filled = len(view)

    def _fill(self, view: memoryview) -> memoryview:
        assert self._partial is not None
        wanted = min(len(self._partial) - self._filled, len(view))
        self._partial[self._filled : self._filled + wanted] = view[:wanted]
        self._filled += wanted
        if self._filled == HEADER.size == len(self._partial):
            self._partial.extend(bytes(self._total(memoryview(self._partial)[:]) - HEADER.size))
        return view[wanted:]

    def _complete(self) -> bool:
        assert self._partial is not None
        return self._filled == len(self._partial)

    @staticmethod
    def _total(view: memoryview) -> int:
        magic, version, _, length, data_length, _, _ = HEADER.unpack_from(view)
        if magic != MAGIC or version != VERSION:
            raise BadFrame(f"not version {VERSION} of the storage protocol: {bytes(view[:4])!r}")
        if length > LONGEST or data_length > LONGEST:
            raise BadFrame(f"a frame of {length} + {data_length} bytes is longer than {LONGEST}")
        total: int = HEADER.size + length + data_length
        return total

    @staticmethod
    def _decode(frame: memoryview) -> tuple[AnyMessage, memoryview]:
        _, _, _, length, data_length, body_sum, data_sum = HEADER.unpack_from(frame)
        body = frame[HEADER.size : HEADER.size + length]
        data = frame[HEADER.size + length :]
        if _sum(body) != body_sum or (data_length and _sum(data) != data_sum):
            raise BadFrame("a frame's checksum does not fit")
        try:
            return _decoder.decode(body), data
        except msgspec.MsgspecError as error:
            raise BadFrame(f"no message of this protocol: {error}") from None
