"""The console's picture: all parts are on it, each says how it does without colour, and lines go around them."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from lab.console.layout import Layout, Rect, lay_out
from lab.console.lines import Lines
from lab.console.marks import SIGNS, Condition, way_word
from lab.console.picture import Lit, picture
from lab.console.snapshot import Snapshot
from lab.console.ways import ALL_LANES, Stop, hops, traffic
from lab.console.wires import Point, drawn, wire
from lab.status_model import RoleStatus
from lab.topology import ONE, OUTSIDE, TWO
from tests.unit.console_lab import broken, failed_over, labels, outside, well


def parsed(snapshot: Snapshot, lit: Lit | None = None) -> Element:
    return ElementTree.fromstring(picture(snapshot, lit))


def parts(root: Element) -> dict[str, Element]:
    return {element.attrib["data-part"]: element for element in root.iter() if "data-part" in element.attrib}


def words(element: Element) -> list[str]:
    return [text for each in element.iter("text") if (text := (each.text or "").strip())]


def layout(snapshot: Snapshot) -> Layout:
    names = {
        (region.site, role.role): [part.name for part in role.parts]
        for region in snapshot.status.regions
        for role in region.roles
    }
    third = snapshot.status.outside
    return lay_out(
        names | ({(OUTSIDE, role.role): [part.name for part in role.parts] for role in third.roles} if third else {})
    )


@pytest.mark.parametrize("regions", [1, 2])
def test_every_part_can_be_chosen_and_is_named_aloud(regions: int) -> None:
    snapshot = well(regions)
    root = parsed(snapshot)
    found = parts(root)
    assert set(found) == labels(snapshot) | {f"region:{site}" for site in snapshot.sites}
    assert len({element.attrib["id"] for element in found.values()}) == len(found)
    for element in found.values():
        assert (element.get("role"), element.get("tabindex")) == ("button", "0")
        assert element.attrib["aria-label"] == element.findtext("title")
    assert "region-two" not in picture(well(1))


def test_who_leads_is_a_word_and_moves_with_the_lead() -> None:
    calm, later = parts(parsed(well())), parts(parsed(failed_over()))
    assert [words(calm[name])[-1] for name in ("lb1", "db1", "mq2", "two/db1")] == [
        "active",
        "writer",
        "leader",
        "writer",
    ]
    assert [words(later[name])[-1] for name in ("lb2", "db2", "two/db1")] == ["active", "writer", "writer"]
    assert "db2, galera of region-one, writer, synced" in later["db2"].attrib["aria-label"]


def test_each_state_is_a_word_and_a_shape_of_its_own() -> None:
    found = parts(parsed(failed_over()))
    said = {name: words(found[name])[-1] for name in ("db1", "lb1", "identity2", "two/sdb1", "two/osd3")}
    assert said == {"db1": "dead", "lb1": "frozen", "identity2": "doubt", "two/sdb1": "cut off", "two/osd3": "dead"}
    assert len({sign.shape for sign in SIGNS.values()}) == len(SIGNS) == len(Condition)
    shapes = {name: found[name].find("path") for name in ("db1", "db3", "lb1")}
    assert len({shape.get("d") for shape in shapes.values() if shape is not None}) == 3


def test_a_region_says_how_it_does() -> None:
    one = parts(parsed(failed_over()))["region:one"]
    assert words(one)[0] == "region-one"
    assert "less redundancy in lb (1 of 2)" in " ".join(words(one))
    assert "identity (1 of 2)" in one.attrib["aria-label"]  # what does not fit the picture is said all the same


def test_boxes_stand_apart_inside_of_the_picture() -> None:
    found = layout(well())
    rects = [group.rect for group in found.groups.values()]
    for one, other in itertools.combinations(rects, 2):
        assert not overlap(one, other)
    for group in found.groups.values():
        assert group.rect.x >= 0
        assert group.rect.right <= found.width
        assert group.rect.bottom <= found.height
        for box in group.parts.values():
            assert group.rect.x <= box.x
            assert box.right <= group.rect.right


def overlap(one: Rect, other: Rect) -> bool:
    return one.x < other.right and other.x < one.right and one.y < other.bottom and other.y < one.bottom


def crossed(points: list[Point], rect: Rect) -> bool:
    """Whether a line goes through the inside of a rectangle."""
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        span = Rect(min(x0, x1), min(y0, y1), max(abs(x1 - x0), 0.01), max(abs(y1 - y0), 0.01))
        if overlap(span, Rect(rect.x + 0.5, rect.y + 0.5, rect.width - 1, rect.height - 1)):
            return True
    return False


@pytest.mark.parametrize(("site", "regions"), [(ONE, 1), (ONE, 2), (TWO, 2)])
def test_lines_go_straight_around_all_boxes(site: str, regions: int) -> None:
    snapshot = well(regions)
    found = lay_out({key: list(group.parts) for key, group in layout(snapshot).groups.items() if group.parts}, site)
    is_alone = regions == 1
    ways = [*traffic(site, is_alone=is_alone)]
    ways += [hop for lane in ALL_LANES for hop in hops(lane, site, site, is_alone=is_alone)]
    there = [hop for hop in ways if all(stop in found.groups for stop in hop)]
    assert len(there) > 30 * regions / 2
    for one, other in there:
        start, end = found.groups[one.site, one.role], found.groups[other.site, other.role]
        points = wire(found, start, end)
        assert all(x0 == x1 or y0 == y1 for (x0, y0), (x1, y1) in itertools.pairwise(points)), (one, other)
        for group in found.groups.values():
            if group not in (start, end):
                assert not crossed(points, group.rect), (one, other, group.role)
        assert drawn(points).startswith("M")


def test_a_way_ends_where_it_was_to_go() -> None:
    found = layout(well())
    there = found.groups[ONE, "galera"].parts["db2"]
    points = wire(found, found.groups[ONE, "proxysql"], found.groups[ONE, "galera"], None, there)
    assert points[-1] == (there.middle, found.groups[ONE, "galera"].rect.y)


def ways(root: Element) -> dict[str, list[Element]]:
    found: dict[str, list[Element]] = {}
    for element in root.iter("g"):
        if "data-lane" in element.attrib:
            found.setdefault(element.attrib["data-lane"], []).append(element)
    return found


def test_the_ways_of_the_lanes_are_there_with_their_states() -> None:
    found = ways(parsed(well(), Lit(ONE, {"token": "served", "db write": "failing", "boot": "idle"})))
    assert [element.get("class") for element in found["token"]] == ["way served"]
    assert [element.get("class") for element in found["db write"]] == ["way failing", "way failing"]
    assert [element.get("class") for element in found["boot"]] == ["way idle"]


def broken_at(snapshot: Snapshot, lane: str) -> tuple[float, float]:
    root = parsed(snapshot, Lit(ONE, {lane: "failing"}))
    (mark,) = (each for element in ways(root)[lane] for each in element.iter("g") if each.get("class") == "broken")
    x, y = re.findall(r"[-\d.]+", mark.attrib["transform"])
    return float(x), float(y)


def test_a_way_breaks_at_who_should_lead_and_does_not() -> None:
    calm = well()
    one = broken(calm.status.regions[0], db1="dead", identity2="dead", lb2="dead")
    hurt = replace(calm, status=replace(calm.status, regions=(one, calm.status.regions[1])))
    place = layout(calm).groups
    x, y = broken_at(hurt, "db write")
    assert (x, y) == (place[ONE, "galera"].parts["db1"].middle, place[ONE, "galera"].rect.y - 7)
    x, y = broken_at(hurt, "token")  # nobody leads identity: it is the last of the hurt on the way
    assert y < place[ONE, "identity"].rect.y
    assert x == place[ONE, "identity"].rect.middle
    x, y = broken_at(calm, "RPC")  # nothing is known to be hurt: the end of the way
    assert x > place[ONE, "compute"].rect.right


def test_a_request_goes_where_the_design_says() -> None:
    roles = [(one.role, other.role) for one, other in hops("token", TWO)]
    assert roles == [("you", "edge"), ("edge", "lb"), ("lb", "identity"), ("identity", "shared-galera")]
    assert {stop.site for hop in hops("token", TWO) for stop in hop} == {TWO}
    assert hops("anycast", ONE, TWO)[-1] == (Stop(TWO, "identity"), Stop(TWO, "shared-galera"))
    assert hops("anycast", ONE) == ((Stop(OUTSIDE, "client"), Stop(OUTSIDE, "wan")),)
    assert {end.site for _, end in hops("DNS", ONE)} == {ONE, TWO}
    assert hops("a lane of tomorrow", ONE) == ()


def test_with_one_region_everything_lies_in_its_own_database() -> None:
    roles = [other.role for _, other in hops("token", ONE, is_alone=True)]
    assert roles == ["edge", "lb", "identity", "proxysql", "galera"]
    assert (Stop(ONE, "identity"), Stop(ONE, "proxysql")) in traffic(ONE, is_alone=True)
    x, y = broken_at(well(1), "token")
    place = layout(well(1)).groups[ONE, "galera"]
    assert (x, y) == (place.parts["db1"].middle, place.rect.y - 7)


def test_a_region_that_is_out_of_sight_says_so() -> None:
    snapshot = well(1)
    (region,) = snapshot.status.regions
    unseen = replace(snapshot, status=replace(snapshot.status, regions=(replace(region, is_routed=False),)))
    assert "No way leads to its network" in " ".join(words(parts(parsed(unseen))["region:one"]))


def test_the_announced_address_is_found_by_its_balancer() -> None:
    snapshot = well()
    assert Lines(layout(snapshot), snapshot).announced == ONE
    assert Lines(layout(snapshot), replace(snapshot, anycast="10.123.45.11")).announced == TWO
    assert Lines(layout(snapshot), replace(snapshot, anycast="")).announced == ""
    assert "to region-one" in words(parts(parsed(snapshot))["client"])


@pytest.mark.parametrize(
    ("way", "word"),
    [
        ("", "free"),
        ("one-two: cut", "cut"),
        ("one-two: 80 ms each way", "slow"),
        ("one-two: 5 % loss each way", "lossy"),
    ],
)
def test_the_way_between_the_sites_is_told_in_a_word(way: str, word: str) -> None:
    snapshot = well()
    root = parsed(replace(snapshot, status=replace(snapshot.status, outside=outside(way))))
    assert words(parts(root)["wan"])[-1] == word
    assert bool([each for each in root.iter("path") if each.get("class") == "traffic hurt"]) == bool(way_word(way))


def test_haproxy_in_proxysqls_place_is_said() -> None:
    snapshot = well(1)
    (region,) = snapshot.status.regions
    without = replace(region, roles=tuple(role for role in region.roles if role.role != "proxysql"))
    drawing = picture(replace(snapshot, status=replace(snapshot.status, regions=(without,))))
    assert "HAProxy, in the" in drawing


def test_what_others_said_is_text() -> None:
    evil = '</title><script>alert(1)</script>" onload="x'
    snapshot = well(1)
    (region,) = snapshot.status.regions
    roles = tuple(
        RoleStatus(role.role, tuple(replace(part, says=evil) for part in role.parts)) for role in region.roles
    )
    root = parsed(replace(snapshot, status=replace(snapshot.status, regions=(replace(region, roles=roles),))))
    assert not list(root.iter("script"))
    assert not [element for element in root.iter() if element.get("onload")]
    assert all("style" not in element.attrib for element in root.iter())  # the page's policy forbids it
