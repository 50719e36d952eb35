"""The lab's secrets: made once at the first `up`, different for each lab, readable by their owner only."""

import secrets
import string
from collections.abc import Mapping

ALPHABET = string.ascii_letters + string.digits
LENGTHS: Mapping[str, int] = {
    "DB_ROOT_PASSWORD": 28,
    "DB_IDENTITY_PASSWORD": 28,
    "DB_IMAGE_PASSWORD": 28,
    "DB_COMPUTE_PASSWORD": 28,
    "DB_VOLUME_PASSWORD": 28,
    "DB_MONITOR_PASSWORD": 28,
    "DB_REPLICATION_PASSWORD": 28,
    "PROXYSQL_ADMIN_PASSWORD": 28,
    "MQ_PASSWORD": 28,
    "MQ_COOKIE": 28,
    "VRRP_PASSWORD": 8,  # VRRP carries no more than eight
    "ADMIN_PASSWORD": 28,
    "SERVICE_PASSWORD": 28,
    "SWIFT_HASH_PREFIX": 28,
    "SWIFT_HASH_SUFFIX": 28,
}


def complete(existing: Mapping[str, str]) -> dict[str, str]:
    """Keep every secret that there is, make those that are missing."""
    return {name: existing.get(name) or _make(length) for name, length in LENGTHS.items()}


def _make(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
