"""What the identity service needs to know besides what every process does."""

from __future__ import annotations

from services.platform.settings import Settings


class IdentitySettings(Settings, frozen=True, kw_only=True):
    """Each has a variable `QUORATE_<NAME>`."""

    port: int = 5000
    database_url: str = "sqlite:///identity.sqlite"
    #: How long a token is good for, in seconds.
    token_seconds: int = 3600
    #: How long a replica goes without looking for new token keys; a staged key waits at least three times as long.
    key_refresh_seconds: float = 10.0
    #: How long catalog, roles and implied roles are believed by a replica that did not change them itself.
    reference_seconds: float = 1.0
    #: The cost of one password hash (argon2id, one lane; OWASP's 12 MiB profile): about 18 ms of one core.
    argon2_time_cost: int = 3
    argon2_memory_kib: int = 12_288
    #: A user who fails this often in a row is locked out for `lockout_seconds`; 0 turns it off.
    lockout_attempts: int = 2
    lockout_seconds: float = 5.0
    #: A user's own new password must differ from this many earlier ones; 0 turns it off.
    password_history: int = 2
