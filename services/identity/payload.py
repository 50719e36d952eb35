"""What a token says, and its compact form inside the Fernet envelope.

Only what cannot be looked up is in it: who, where, until when, and how they proved it. Roles, names and whether all of
them are still enabled are looked up at each validation. Both sides of the form are in this module and nothing else
reads it, so another `_FORMAT` may replace it when it must change.
"""

from __future__ import annotations

import base64
import re
import struct
from dataclasses import dataclass
from typing import Final, Literal

ScopeKind = Literal["none", "project", "domain", "system"]

_FORMAT: Final = 1
_SCOPES: Final[tuple[ScopeKind, ...]] = ("none", "project", "domain", "system")
METHODS: Final = ("password", "token", "application_credential")
#: format, methods (one bit each), kind of scope, audit ids, epoch, issued and expiring in microseconds.
_HEAD: Final = struct.Struct(">BBBBIQQ")
_HEX: Final = re.compile(r"[0-9a-f]{32}")
_PACKED_ID: Final = 0xFF
AUDIT_BYTES: Final = 16


class MalformedPayload(ValueError):
    """The envelope was ours, its content is not: an older or newer form."""


@dataclass(frozen=True, slots=True)
class Payload:
    """`audit_ids`: the token's own, then that of the first token of its chain. Times are in microseconds."""

    user_id: str
    methods: tuple[str, ...]
    issued_at: int
    expires_at: int
    #: The user's `token_epoch` when it was issued.
    epoch: int
    audit_ids: tuple[str, ...]
    scope: ScopeKind = "none"
    scope_id: str = ""
    application_credential_id: str = ""

    def pack(self) -> bytes:
        methods = sum(1 << METHODS.index(method) for method in self.methods)
        scope = _SCOPES.index(self.scope)
        head = _HEAD.pack(_FORMAT, methods, scope, len(self.audit_ids), self.epoch, self.issued_at, self.expires_at)
        audits = b"".join(_audit_bytes(audit_id) for audit_id in self.audit_ids)
        ids = (self.user_id, self.scope_id, self.application_credential_id)
        return head + audits + b"".join(_pack_id(text) for text in ids)

    @classmethod
    def unpack(cls, data: bytes) -> Payload:
        """Raises MalformedPayload."""
        try:
            return cls._unpack(data)
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise MalformedPayload(str(error)) from error

    @classmethod
    def _unpack(cls, data: bytes) -> Payload:
        form, methods, scope, audits, epoch, issued_at, expires_at = _HEAD.unpack_from(data)
        if form != _FORMAT:
            raise MalformedPayload(f"form {form}")
        at = _HEAD.size + audits * AUDIT_BYTES
        audit_ids = tuple(
            audit_id_from(data[start : start + AUDIT_BYTES]) for start in range(_HEAD.size, at, AUDIT_BYTES)
        )
        user_id, at = _unpack_id(data, at)
        scope_id, at = _unpack_id(data, at)
        credential_id, at = _unpack_id(data, at)
        names = tuple(name for bit, name in enumerate(METHODS) if methods >> bit & 1)
        return cls(user_id, names, issued_at, expires_at, epoch, audit_ids, _SCOPES[scope], scope_id, credential_id)


def audit_id_from(raw: bytes) -> str:
    """The audit id as tokens show it: URL-safe base64 without padding, 22 characters."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _audit_bytes(audit_id: str) -> bytes:
    return base64.urlsafe_b64decode(audit_id + "==")


def _pack_id(text: str) -> bytes:
    if _HEX.fullmatch(text):
        return bytes([_PACKED_ID]) + bytes.fromhex(text)
    raw = text.encode()
    return bytes([len(raw)]) + raw


def _unpack_id(data: bytes, at: int) -> tuple[str, int]:
    length = data[at]
    at += 1
    if length == _PACKED_ID:
        return data[at : at + 16].hex(), at + 16
    return data[at : at + length].decode(), at + length
