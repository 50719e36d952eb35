"""Volumes at servers, whatever happens: conductors die over every step, answers of the volume service are lost, some
requests arrive when nobody expects them, hosts die and come back; and still each volume ends attached on both sides, or
detached on both, exactly once.
"""

from __future__ import annotations

import uuid

import pytest
from compute_region import HOSTS, Region, region
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session
from volume_service_fake import FATES

from services.compute.api.attach import NewVolume, begin_attach, begin_detach
from services.compute.attachment_states import AttachmentStatus
from services.compute.attachments import redirect
from services.compute.models import InstanceAction, VolumeAttachment
from services.compute.states import VmState
from services.platform.context import Access, Context
from services.platform.faults import Fault
from services.platform.request import RequestKey
from services.platform.times import utcnow

S = AttachmentStatus


def context() -> Context:
    access = Access("u", "u", "d", "p", "p", "d", None, False, frozenset({"member"}), 4e9)
    return Context(access, RequestKey.from_header(None), "the user's token")


def attach(made: Region, server: str, volume: str, *, ends: bool = False, who: Context | None = None) -> bool:
    """What the API does; whether it was accepted."""
    found = made.volumes.volumes.get(volume)
    new = NewVolume(volume, None, None, ends)
    if found is None:
        return False
    try:
        row = made.transactor.write(lambda session: begin_attach(session, server, new, found, who or context()))
    except Fault:
        return False
    made.bag.send("conductor", "attachments", attachment_ids=[row.id])
    return True


def detach(made: Region, server: str, volume: str) -> bool:
    try:
        row_id = made.transactor.write(lambda session: begin_detach(session, server, volume, context()))
    except Fault:
        return False
    made.bag.send("conductor", "attachments", attachment_ids=[row_id])
    return True


def boot_row(made: Region, volume: str | None, *, ends: bool = False, number: int = 0) -> VolumeAttachment:
    """A volume that a new server is to have: one that is there, or (None) one that is to be made."""
    return VolumeAttachment(
        id=str(uuid.uuid4()), number=number, volume_id=volume, device=f"/dev/vd{'abcdef'[number]}",
        boot_index=number, delete_on_termination=ends, source_type="volume" if volume else "blank", source_id=volume,
        volume_size=1, sealed_token=None if volume else made.seal.close("the user's token"),
        status=S.RESERVING if volume else S.CREATING, op=1, request_id="req-1", created_at=utcnow(),
    )  # fmt: skip


def rows(made: Region) -> list[VolumeAttachment]:
    return list(made.transactor.read(lambda session: session.scalars(select(VolumeAttachment)).all()))


def status(made: Region, server: str, volume: str) -> str:
    return next(row.status for row in rows(made) if (row.instance_id, row.volume_id) == (server, volume))


def deliver_all(made: Region) -> None:
    while made.bag.messages:
        made.deliver(made.bag.messages.pop(0))


def check(made: Region) -> None:
    """What must hold when all is at rest: the database, the volume service and the hosts tell the same story."""
    made.check()
    servers = {row.id: row for row in made.rows()}
    at_hosts = {
        (guest, volume): host
        for host, guests in made.guests().items()
        for guest, entry in guests.items()
        for volume, known in entry.volumes.items()
        if known["is_here"]
    }
    known = rows(made)
    for row in known:
        assert row.status in (S.ATTACHED, S.DETACHED), "an attachment that nobody finishes"
        assert row.check_at is None
        assert row.sealed_token is None, "a token that is kept for longer than it is needed"
        if row.volume_id is None:
            continue
        held = made.volumes.of_pair(row.instance_id, row.volume_id)
        server = servers[row.instance_id]
        if row.status == S.ATTACHED:
            assert [(one.view.id, one.status, one.host) for one in held] == [
                (row.attachment_id, "attached", server.host)
            ]
            assert at_hosts.pop((row.instance_id, row.volume_id)) == server.host
            assert not server.deleted
        else:
            assert held == [], "the volume service was not told"
    assert at_hosts == {}, "a host has a volume that the server has not"
    pairs = {(row.instance_id, row.volume_id) for row in known}
    assert {(one.view.instance_id, one.view.volume_id) for one in made.volumes.held.values()} <= pairs
    for volume in made.volumes.volumes.values():
        if not made.volumes.late:
            held_by = [one for one in made.volumes.held.values() if one.view.volume_id == volume.id]
            assert volume.status == ("in-use" if held_by else "available")
            assert len(held_by) <= 1


def test_an_undisturbed_attachment_needs_no_sweep() -> None:
    with region() as made:
        server, volume = made.create(), made.volumes.add("v1")
        deliver_all(made)
        assert attach(made, server, volume)
        deliver_all(made)
        check(made)
        assert (status(made, server, volume), made.volumes.status(volume)) == (S.ATTACHED, "in-use")
        (entry,) = (guests[server] for guests in made.guests().values() if server in guests)
        assert entry.volumes[volume]["device"] == "/dev/vdb"
        assert detach(made, server, volume)
        deliver_all(made)
        check(made)
        assert (status(made, server, volume), made.volumes.status(volume)) == (S.DETACHED, "available")
        assert attach(made, server, volume), "the same volume may come back"
        deliver_all(made)
        check(made)
        assert status(made, server, volume) == S.ATTACHED


def test_a_server_is_made_with_its_volumes_and_takes_along_those_that_end_with_it() -> None:
    with region() as made:
        made.volumes.add("v1")
        server = made.create(boot_row(made, None, ends=True), boot_row(made, "v1", number=1))
        deliver_all(made)
        made.settle()
        check(made)
        assert [row.vm_state for row in made.rows()] == [VmState.ACTIVE]
        assert {row.status for row in rows(made)} == {S.ATTACHED}
        (entry,) = (guests[server] for guests in made.guests().values() if server in guests)
        assert entry.done == {"spawn": 1}, "its volumes came with the guest, not after it"
        assert len(entry.volumes) == 2
        made.ask(server, "delete")
        deliver_all(made)
        made.settle()
        check(made)
        assert [row.deleted for row in made.rows()] == [True]
        assert list(made.volumes.volumes) == ["v1"], "the one that was made for it is gone, the other is free"


def test_a_volume_that_cannot_be_made_ends_the_build_and_frees_the_others() -> None:
    with region() as made:
        made.volumes.add("v1")
        made.volumes.outcome = "error"
        made.create(boot_row(made, None, ends=True), boot_row(made, "v1", number=1))
        deliver_all(made)
        made.settle()
        (row,) = made.rows()
        assert row.vm_state == VmState.ERROR
        assert row.fault is not None
        assert "did not finish being created" in row.fault["message"]
        assert (made.volumes.status("v1"), made.volumes.held) == ("available", {})
        assert made.volumes.made & set(made.volumes.volumes) == set(), "it went with the server"


def test_what_the_volume_service_refuses_is_as_if_it_had_never_been_asked() -> None:
    with region() as made:
        server, volume = made.create(), made.volumes.add("v1")
        deliver_all(made)
        who = context()
        assert attach(made, server, volume, who=who)
        made.volumes.add("v1", status="maintenance")
        deliver_all(made)
        made.settle()
        assert status(made, server, volume) == S.DETACHED
        action = made.transactor.read(lambda session: session.get(InstanceAction, (server, who.request.request_id)))
        assert action is not None
        assert "maintenance" in (action.message or "")
        assert [event["result"] for event in action.events] == ["Error"]


@pytest.mark.parametrize("position", range(6))
@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("also_detach", [False, True])
def test_every_request_may_be_interrupted(fate: str, position: int, also_detach: bool) -> None:
    """One request in the life of an attachment ends badly: of the attachment, or of the detachment after it."""
    with region() as made:
        server, volume = made.create(), made.volumes.add("v1")
        deliver_all(made)
        fates = [""] * position + [fate]
        made.volumes.fates += [] if also_detach else fates
        assert attach(made, server, volume)
        deliver_all(made)
        made.settle()
        check(made)
        assert status(made, server, volume) == S.ATTACHED
        if also_detach:
            made.volumes.fates += fates
            assert detach(made, server, volume)
            deliver_all(made)
            made.settle()
            check(made)
            assert (status(made, server, volume), made.volumes.status(volume)) == (S.DETACHED, "available")


@pytest.mark.parametrize("position", range(10))
@pytest.mark.parametrize("fate", FATES)
def test_every_request_of_a_build_may_be_interrupted(fate: str, position: int) -> None:
    with region() as made:
        made.volumes.add("v1")
        made.volumes.fates += [""] * position + [fate]
        server = made.create(boot_row(made, None, ends=True), boot_row(made, "v1", number=1))
        deliver_all(made)
        made.settle()
        check(made)
        assert [row.vm_state for row in made.rows()] == [VmState.ACTIVE]
        made.volumes.fates += [""] * position + [fate]
        made.ask(server, "delete")
        deliver_all(made)
        made.settle()
        check(made)
        assert [row.deleted for row in made.rows()] == [True]
        left = set(made.volumes.volumes) - {"v1"}
        assert left == set() or fate == "late", "only a volume that was made when nobody waited for it is left"


def test_a_reservation_that_arrives_after_the_server_is_gone_is_found() -> None:
    with region() as made:
        server, volume = made.create(), made.volumes.add("v1")
        deliver_all(made)
        assert attach(made, server, volume)
        made.volumes.fates += ["", "late"]
        deliver_all(made)
        made.ask(server, "delete")
        deliver_all(made)
        for _ in range(3):
            made.sweep()
            deliver_all(made)
        assert [row.deleted for row in made.rows()] == [True]
        assert made.volumes.status(volume) == "available"
        late = list(made.volumes.late)
        made.volumes.recover()
        assert late
        assert made.volumes.status(volume) == "reserved"
        made.settle()
        check(made)
        assert made.volumes.status(volume) == "available"


def test_a_build_whose_host_dies_takes_its_volumes_to_another() -> None:
    with region() as made:
        volume = made.volumes.add("v1")
        server = made.create(boot_row(made, volume))
        while not any(method == "obey" for _, method, _ in made.bag.messages):
            made.deliver(made.bag.messages.pop(0))
        (instance,) = made.rows()
        first = instance.host
        assert first is not None
        assert [one.host for one in made.volumes.of_pair(server, volume)] == [first]
        made.bag.messages.clear()
        made.set_alive(first, False)
        for _ in range(4):
            made.sweep()
            deliver_all(made)
        (instance,) = made.rows()
        assert (instance.vm_state, instance.tried) == (VmState.ACTIVE, [first])
        made.settle()
        check(made)
        assert [(one.status, one.host) for one in made.volumes.of_pair(server, volume)] == [("attached", instance.host)]


def test_an_order_to_attach_that_comes_after_the_detachment_is_ignored() -> None:
    with region() as made:
        server, volume = made.create(), made.volumes.add("v1")
        deliver_all(made)
        attach(made, server, volume)
        while not any(method == "obey" for _, method, _ in made.bag.messages):
            made.deliver(made.bag.messages.pop(0))
        (order,) = made.bag.messages
        deliver_all(made)
        made.deliver(order)  # doubled
        detach(made, server, volume)
        deliver_all(made)
        made.deliver(order)  # late
        deliver_all(made)
        check(made)
        (entry,) = (guests[server] for guests in made.guests().values() if server in guests)
        assert entry.done == {"spawn": 1, "attach_volume": 1, "detach_volume": 1}


def test_a_guest_that_is_missing_gets_no_volume() -> None:
    with region() as made:
        server, volume = made.create(), made.volumes.add("v1")
        deliver_all(made)
        (instance,) = made.rows()
        (made.directory / str(instance.host) / f"{server}.json").unlink()
        attach(made, server, volume)
        deliver_all(made)
        assert (status(made, server, volume), made.volumes.status(volume)) == (S.DETACHED, "available")


def test_a_volume_that_only_the_host_still_has_is_taken_from_it() -> None:
    with region() as made:
        server, volume = made.create(), made.volumes.add("v1")
        deliver_all(made)
        attach(made, server, volume)
        deliver_all(made)

        def forget(session: Session) -> None:
            row = session.scalar(select(VolumeAttachment))
            assert row is not None
            redirect(row, S.RELEASING, "req-9", utcnow())

        made.transactor.write(forget)
        made.settle()
        check(made)
        assert status(made, server, volume) == S.DETACHED


numbers = st.integers(0, 1000)
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["deliver", "deliver", "deliver", "deliver", "twice", "lose"]), numbers),
        st.tuples(st.sampled_from(["attach", "attach", "detach"]), numbers),
        st.tuples(st.sampled_from(["create", "boot", "boot new", "sweep", "sweep"]), numbers),
        st.tuples(st.sampled_from(["die", "return", "delete", "stop", "start"]), numbers),
        st.tuples(st.sampled_from(["interrupt", "interrupt", "strays"]), numbers),
    ),
    max_size=70,
)
VOLUMES = ("v1", "v2", "v3")


@pytest.mark.slow
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_whatever_happens_volumes_end_on_both_sides_or_on_none(plan: list[tuple[str, int]]) -> None:  # noqa: PLR0912
    with region() as made:
        for volume in VOLUMES:
            made.volumes.add(volume)
        servers = [made.create()]
        deliver_all(made)
        for step, number in plan:
            messages, volume = made.bag.messages, VOLUMES[number % len(VOLUMES)]
            server = servers[number // len(VOLUMES) % len(servers)]
            match step:
                case "deliver" | "twice" | "lose":
                    if messages:
                        message = messages[number % len(messages)]
                        if step != "twice":
                            messages.remove(message)
                        if step != "lose":
                            made.deliver(message)
                case "attach":
                    attach(made, server, volume)
                case "detach":
                    detach(made, server, volume)
                case "create":
                    servers.append(made.create())
                case "boot":
                    taken = {row.volume_id for row in rows(made) if row.status not in (S.DETACHED, S.DELETING)}
                    if volume not in taken:
                        servers.append(made.create(boot_row(made, volume)))
                case "boot new":
                    servers.append(made.create(boot_row(made, None, ends=number % 2 == 0)))
                case "sweep":
                    made.sweep()
                case "die" | "return":
                    made.set_alive(HOSTS[number % len(HOSTS)], step == "return")
                case "interrupt":
                    made.volumes.fates += [""] * (number % 3) + [FATES[number % len(FATES)]]
                case "strays":
                    made.volumes.fates.clear()
                    made.strays.look()
                case _:
                    made.ask(server, step)
        made.settle()
        check(made)
