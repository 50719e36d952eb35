"""What is said to the server, as SQL. Pure."""

from __future__ import annotations

from galera.accounts import quoted

REPLICATOR = "replicator"
LOOK = (
    "select @@read_only as read_only, @@gtid_binlog_pos as position, @@gtid_binlog_state as state",
    "show slave status",
)


def lead(semisync: bool) -> list[str]:
    """To make the node the primary. What a commit waits for is in force before the first one comes."""
    return [*(["set global rpl_semi_sync_master_enabled = ON"] if semisync else []), "set global read_only = OFF"]


def follow(address: str, password: str, semisync: bool) -> list[str]:
    """To make the node follow another from where its own log ends.

    A primary that returns has never followed: its position is that of its own log. Should the other not have that
    position in its history, it refuses, and nothing is applied.
    """
    return [
        "set global read_only = ON",
        "stop slave",
        *(
            ["set global rpl_semi_sync_master_enabled = OFF", "set global rpl_semi_sync_slave_enabled = ON"]
            if semisync
            else []
        ),
        "set global gtid_slave_pos = @@gtid_binlog_pos",
        f"change master to master_host = {quoted(address)}, master_port = 3306, master_user = {quoted(REPLICATOR)},"
        f" master_password = {quoted(password)}, master_use_gtid = slave_pos, master_ssl = 0, master_connect_retry = 1",
        "start slave",
    ]


def replicator(password: str) -> list[str]:
    """The account with which replicas read."""
    name = f"{quoted(REPLICATOR)}@'%'"
    return [
        f"create or replace user {name} identified by {quoted(password)}",
        f"grant replication slave on *.* to {name}",
    ]
