"""A user's token, kept for the seconds in which a conductor makes a volume in the user's name.

A volume belongs to the project of whoever creates it, so compute's own credentials would make it another project's. The
token is stored encrypted, since whoever reads the database must not act as its users, and removed as soon as the volume
is there.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken


class Seal:
    """Encrypts with a key that all processes of compute derive from the password of its service user."""

    def __init__(self, password: str) -> None:
        digest = hashlib.sha256(b"quorate sealed token:" + password.encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(digest))

    def close(self, token: str) -> str:
        return self._fernet.encrypt(token.encode()).decode()

    def open(self, sealed: str) -> str | None:
        """The token; None where the password has changed since."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            return None
