"""The handshake's messages, as values: what an option says, and the bytes of its answers. No sockets."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from storage.nbd.wire import (
    ALLOCATION,
    ALLOCATION_ID,
    LONGEST_REQUEST,
    OPTION_REPLY,
    OPTION_REPLY_MAGIC,
    PREFERRED_BLOCK,
    Info,
    Option,
    OptionReply,
    export_flags,
)


class BadOption(Exception):
    """An option's data is not what the protocol says."""


@dataclass(frozen=True)
class Export:
    """What a client is told of an export."""

    size: int
    read_only: bool


def reply(option: int, kind: OptionReply, data: bytes = b"") -> bytes:
    """One answer to an option."""
    return OPTION_REPLY.pack(OPTION_REPLY_MAGIC, option, kind, len(data)) + data


def refusal(option: int, kind: OptionReply, sentence: str) -> bytes:
    """An error, with a sentence for a person."""
    return reply(option, kind, sentence.encode()[:4000])


def wanted_export(data: bytes) -> str:
    """The name that NBD_OPT_INFO or NBD_OPT_GO asks for. Raises BadOption."""
    try:
        (length,) = struct.unpack_from(">I", data)
        name = data[4 : 4 + length]
        (count,) = struct.unpack_from(">H", data, 4 + length)
        if len(name) != length or len(data) != 6 + length + 2 * count:
            raise BadOption("its lengths do not fit")
        return name.decode()
    except (struct.error, UnicodeDecodeError) as error:
        raise BadOption(str(error)) from None


def info_replies(option: int, export: Export) -> bytes:
    """Everything that a client may want to know of an export, and the acknowledgement."""
    flags = export_flags(read_only=export.read_only)
    about = struct.pack(">HQH", Info.EXPORT, export.size, flags)
    sizes = struct.pack(">HIII", Info.BLOCK_SIZE, 1, PREFERRED_BLOCK, LONGEST_REQUEST)
    return (
        reply(option, OptionReply.INFO, about) + reply(option, OptionReply.INFO, sizes) + reply(option, OptionReply.ACK)
    )


def old_style_answer(export: Export, *, no_zeroes: bool) -> bytes:
    """What NBD_OPT_EXPORT_NAME is answered."""
    answer = struct.pack(">QH", export.size, export_flags(read_only=export.read_only))
    return answer if no_zeroes else answer + bytes(124)


def list_replies(names: list[str]) -> bytes:
    """The exports there are."""
    rows = [name.encode() for name in names]
    body = b"".join(reply(Option.LIST, OptionReply.SERVER, struct.pack(">I", len(row)) + row) for row in rows)
    return body + reply(Option.LIST, OptionReply.ACK)


def wanted_contexts(data: bytes) -> tuple[str, list[str]]:
    """The export and the queries of a meta context option. Raises BadOption."""
    try:
        (length,) = struct.unpack_from(">I", data)
        at = 4 + length
        name = data[4:at].decode()
        (count,) = struct.unpack_from(">I", data, at)
        at, queries = at + 4, []
        for _ in range(count):
            (size,) = struct.unpack_from(">I", data, at)
            queries.append(data[at + 4 : at + 4 + size].decode())
            at += 4 + size
        if at != len(data):
            raise BadOption("its lengths do not fit")
        return name, queries
    except (struct.error, UnicodeDecodeError) as error:
        raise BadOption(str(error)) from None


def context_replies(option: int, queries: list[str]) -> tuple[bytes, bool]:
    """The answer to a meta context option, and whether base:allocation is among what was asked for."""
    listing = option == Option.LIST_META_CONTEXT
    is_wanted = ALLOCATION in queries or (listing and (not queries or "base:" in queries))
    body = b""
    if is_wanted:
        body = reply(
            option, OptionReply.META_CONTEXT, struct.pack(">I", 0 if listing else ALLOCATION_ID) + ALLOCATION.encode()
        )
    return body + reply(option, OptionReply.ACK), is_wanted
