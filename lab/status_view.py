"""Draws the status of a lab: one line a function, one cell a part; or the same as JSON. Pure."""

import json
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lab.design import DEFAULT
from lab.status_model import Health, LabStatus, OutsideStatus, PartStatus, RegionStatus, RoleStatus, Verdict

MARKS = {Health.GOOD: ("●", "green"), Health.DOUBTFUL: ("◐", "yellow"), Health.DOWN: ("✗", "bold red")}
VERDICTS = {Verdict.REDUNDANT: "bold green", Verdict.SERVING: "bold yellow", Verdict.FAILING: "bold red"}
MOST_PARTS = 3


def draw(status: LabStatus) -> RenderableType:
    """The picture for a terminal."""
    drawn = [draw_region(region) for region in status.regions]
    if status.outside:
        drawn.append(_outside(status.outside))
    return Group(*(line for picture in drawn for line in (picture, Text())))


def draw_region(status: RegionStatus) -> RenderableType:
    """One region's part of the picture."""
    return Group(_heading(status), _leaders(status), Text(), _table(status.roles))


def as_json(status: LabStatus) -> str:
    """The same for programs."""
    content = {
        "lab": status.lab,
        "verdict": status.verdict,
        "regions": [_region_content(region) for region in status.regions],
        "outside": _roles_content(asdict(status.outside), status.outside.roles) if status.outside else None,
    }
    return json.dumps(content, indent=2)


def _region_content(status: RegionStatus) -> dict[str, Any]:
    content = _roles_content(asdict(status), status.roles) | {"design": status.design.name}
    return content | {"verdict": status.verdict, "sentence": status.sentence}


def _roles_content(content: dict[str, Any], roles: tuple[RoleStatus, ...]) -> dict[str, Any]:
    for role, drawn in zip(roles, content["roles"], strict=True):
        drawn["verdict"] = role.verdict
    return content


def proxy_sentence(database_proxy: str, reason: str) -> str:
    """Which proxy stands before the database, and why where it is the second choice."""
    return "ProxySQL" if database_proxy == "proxysql" else f"HAProxy in ProxySQL's place ({reason})"


def _outside(status: OutsideStatus) -> RenderableType:
    way = (status.way, "bold yellow") if status.way else ("the way between the regions is free", "bold green")
    return Group(Text.assemble(("third site", "bold"), "  ", way), Text(), _table(status.roles))


def _table(roles: tuple[RoleStatus, ...]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    for _ in range(MOST_PARTS):
        table.add_column()
    for role in roles:
        cells = [_cell(part) for part in role.parts]
        table.add_row(_role(role), *cells, *[Text()] * (MOST_PARTS - len(cells)))
    return table


def _heading(status: RegionStatus) -> Text:
    design = "" if status.design == DEFAULT else f"{status.design.name}  "
    said = (status.sentence, VERDICTS[status.verdict])
    return Text.assemble((status.lab, "bold"), f"  {status.region}  ", (design, "bold"), said)


def _leaders(status: RegionStatus) -> Text:
    if not status.is_routed:
        return Text("This machine has no route to the lab's network: only what is published on localhost is seen.")
    holder = " and ".join(status.address_owners) if status.is_split else status.address_holder or "nobody"
    said = "bold" if status.address_holder and not status.is_split else "bold red"
    fallback = "" if status.database_proxy == "proxysql" else "yellow"
    return Text.assemble(
        f"Address {status.address} held by ",
        (holder, said),
        ".  Writes go to ",
        (_writer(status), "bold" if status.writer else "bold red"),
        f" of {status.galera_size} {'in step' if status.design.replicates else 'synced'}, through ",
        (proxy_sentence(status.database_proxy, status.database_proxy_reason), fallback),
        ".",
    )


def _writer(status: RegionStatus) -> str:
    if status.writer is None:
        return "nobody"
    return status.writer if status.design.has_one_writer else "each"


def _role(role: RoleStatus) -> Text:
    return Text(role.role, style=VERDICTS[role.verdict].removeprefix("bold "))


def _cell(part: PartStatus) -> Text:
    mark, style = MARKS[part.health]
    says = part.says if part.health is not Health.DOWN else part.container
    return Text.assemble(
        (f"{mark} ", style), (part.name, "bold"), " ", (says, "" if part.health is Health.GOOD else style)
    )
