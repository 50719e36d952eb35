"""What stands before the database: ProxySQL where its image can be had, else HAProxy, and why."""

from collections.abc import Callable
from dataclasses import dataclass

from lab.design import DEFAULT, Database, Design
from lab.errors import BadNameError

PROXYSQL_IMAGE = "proxysql/proxysql:2.7.1"
PROXYSQL, HAPROXY = "proxysql", "haproxy"
FORCED = "DB_PROXY asks for it"
DESIGNED = "the design asks for it"
NO_IMAGE = f"the image {PROXYSQL_IMAGE} is not here and no registry gives it"


@dataclass(frozen=True)
class ProxyChoice:
    """The database's proxy and, where it is not ProxySQL, the reason."""

    proxy: str
    reason: str = ""


def choose(
    asked: str, has_image: bool, before: ProxyChoice | None, pull: Callable[[], bool], design: Design = DEFAULT
) -> ProxyChoice:
    """The proxy of this lab.

    A registry is asked once per lab: a lab that fell back stays so until the image is there or DB_PROXY=proxysql asks.
    """
    if asked not in {"", PROXYSQL, HAPROXY}:
        raise BadNameError(f"DB_PROXY={asked!r} is unknown: it is {PROXYSQL} or {HAPROXY}.")
    if design.database is not Database.GALERA:
        if asked == PROXYSQL:
            raise BadNameError(
                f"DB_PROXY=proxysql knows Galera's one writer only; {design.name} stands behind HAProxy."
            )
        return ProxyChoice(HAPROXY, DESIGNED)
    if asked == HAPROXY:
        return ProxyChoice(HAPROXY, FORCED)
    if has_image:
        return ProxyChoice(PROXYSQL)
    fell_back_before = before == ProxyChoice(HAPROXY, NO_IMAGE)
    if fell_back_before and asked != PROXYSQL:
        return ProxyChoice(HAPROXY, NO_IMAGE)
    return ProxyChoice(PROXYSQL) if pull() else ProxyChoice(HAPROXY, NO_IMAGE)
