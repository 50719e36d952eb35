"""The kernel modules that a router and a part's faults need, each after those that it depends on. Pure."""

from __future__ import annotations

import lzma
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath

ROUTER = ("veth", "tun", "nf_tables", "nft_compat", "xt_tcpudp", "xt_statistic", "iptable_filter", "iptable_mangle")
NETEM, MARKS = ("sch_netem", "sch_prio"), ("xt_CLASSIFY",)
ALL = (*ROUTER, *NETEM, *MARKS)
XZ = b"\xfd7zXZ\0"
DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")


def name(path: str) -> str:
    """A module's name out of its file's: a dash is an underscore to the kernel."""
    return PurePath(path).name.partition(".ko")[0].replace("-", "_")


def code(content: bytes) -> bytes:
    """What the kernel loads, out of a module's file: newer packages have them compressed."""
    return lzma.decompress(content) if content.startswith(XZ) else content


def in_order(wanted: Iterable[str], found: Mapping[str, bytes]) -> list[str]:
    """Those wanted and those that they need, as they must be loaded. What is not found is built into the kernel."""
    order: dict[str, None] = {}
    for module in wanted:
        for needed in _with_needs(module, found):
            order[needed] = None
    return list(order)


def _with_needs(module: str, found: Mapping[str, bytes]) -> Iterator[str]:
    if module in found:
        match = DEPENDS.search(code(found[module]))
        for needed in match[1].decode().split(",") if match else ():
            yield from _with_needs(name(needed), found)
        yield module
