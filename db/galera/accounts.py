"""Databases and users that the cluster must have, made where they are missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Account(NamedTuple):
    """A user that may connect from anywhere, and what it may do."""

    user: str
    password: str
    database: str = ""  # a database of its own, "*" for all of them, empty for none


def wanted_accounts(root: str, monitor: str, databases: dict[str, str]) -> list[Account]:
    """All accounts of a region's cluster."""
    return [
        Account("root", root, "*"),
        Account("monitor", monitor),
        *(Account(name, password, name) for name, password in databases.items()),
    ]


def quoted(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def question(accounts: Iterable[Account]) -> str:
    """A query that names each account whose user has the right password already, and each database that exists."""
    stored = "json_value(priv, '$.authentication_string')"
    users = " or ".join(
        f"(user = {quoted(each.user)} and {stored} = password({quoted(each.password)}))" for each in accounts
    )
    return (
        f"select concat('user ', user) from mysql.global_priv where host = '%' and ({users});\n"  # noqa: S608 - quoted
        "select concat('database ', schema_name) from information_schema.schemata;\n"
    )


def statements(accounts: Iterable[Account], answer: str) -> list[str]:
    """What must be executed, given the answer to the question. Harmless if several nodes do it at once."""
    have = set(answer.splitlines())
    found: list[str] = []
    for account in accounts:
        name = f"{quoted(account.user)}@'%'"
        if account.database not in {"", "*"} and f"database {account.database}" not in have:
            compare = "character set utf8mb4 collate utf8mb4_nopad_bin"
            found.append(f"create database if not exists `{account.database}` {compare}")
        if f"user {account.user}" not in have:
            found.append(f"create user if not exists {name} identified by {quoted(account.password)}")
            found.append(f"alter user {name} identified by {quoted(account.password)}")
            if account.database == "*":
                found.append(f"grant all privileges on *.* to {name} with grant option")
            elif account.database:
                found.append(f"grant all privileges on `{account.database}`.* to {name}")
    return found
