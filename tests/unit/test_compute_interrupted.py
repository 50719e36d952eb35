"""The conductor's promise, tried on the real code without sockets: messages are lost, doubled, late and out of order,
hosts die and come back, and still everything that was accepted ends, once, on one host, with nothing overcommitted.

The processes' own code runs on SQLite; what they would send is kept in a bag, and hypothesis decides what becomes of
each message.
"""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta

import pytest
from compute_region import HOSTS, IMAGE, IMAGE_DATA, nodes, region
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_service_fake import FATES
from sqlalchemy.orm import Session

from services.compute.models import Instance
from services.compute.states import VmState
from services.platform.times import utcnow

numbers = st.integers(0, 1000)
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["deliver", "deliver", "deliver", "twice", "lose"]), numbers),
        st.tuples(st.sampled_from(["create", "create", "sweep"]), numbers),
        st.tuples(st.sampled_from(["die", "return"]), numbers),
        st.tuples(st.sampled_from(["delete", "stop", "start", "reboot-hard"]), numbers),
        st.tuples(st.sampled_from(["image", "image", "announced", "made", *FATES]), numbers),
    ),
    max_size=60,
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_whatever_becomes_of_messages_and_hosts_everything_ends_once(plan: list[tuple[str, int]]) -> None:
    with region() as made:
        ids: list[str] = [made.create(image=IMAGE)]
        for step, number in plan:
            messages = made.bag.messages
            if step in ("deliver", "twice", "lose"):
                if messages:
                    message = messages[number % len(messages)]
                    if step != "twice":
                        messages.remove(message)
                    if step != "lose":
                        made.deliver(message)
            elif step == "create":
                ids.append(made.create(image=IMAGE if number % 2 else ""))
            elif step in ("image", "announced", "made"):
                made.ask_for_image(ids[number % len(ids)], str(uuid.uuid4()), dies_after=step)
            elif step in FATES:
                made.images.fates.append(step)
            elif step == "sweep":
                made.sweep()
            elif step in ("die", "return"):
                made.set_alive(HOSTS[number % len(HOSTS)], step == "return")
            else:
                made.ask(ids[number % len(ids)], step)
        made.settle()
        made.check()


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("request_number", range(7))
def test_an_image_of_a_server_survives_a_failure_at_each_request(fate: str, request_number: int) -> None:
    with region() as made:
        server = made.create(image=IMAGE)
        made.settle()
        image_id = str(uuid.uuid4())
        made.images.fates = [""] * request_number + [fate]
        assert made.ask_for_image(server, image_id)
        for _ in range(3):
            while made.bag.messages:
                made.deliver(made.bag.messages.pop(0))
            made.sweep()
        made.settle()
        made.check()
        assert made.images.data[image_id].startswith(IMAGE_DATA + b"\nQUORATE-GUEST boot=1 ")
        assert server.encode() in made.images.data[image_id]
        assert made.images.filled == {image_id: 1}
        assert [row.vm_state for row in made.rows()] == [VmState.ACTIVE]


@pytest.mark.parametrize("messages", range(8))
def test_a_server_that_is_deleted_while_its_image_is_made_leaves_a_whole_one_or_none(messages: int) -> None:
    with region() as made:
        server = made.create(image=IMAGE)
        made.settle()
        image_id = str(uuid.uuid4())
        made.ask_for_image(server, image_id)
        for _ in range(messages):
            if made.bag.messages:
                made.deliver(made.bag.messages.pop(0))
        whole = image_id in made.images.filled
        made.ask(server, "delete")
        made.settle()
        made.check()
        assert [row.vm_state for row in made.rows()] == [VmState.DELETED]
        assert image_id in made.images.images or not whole, "an image that somebody may have seen is gone"


@pytest.mark.parametrize("dies_after", ["announced", "made"])
def test_an_image_whose_request_died_is_removed(dies_after: str) -> None:
    with region() as made:
        server = made.create(image=IMAGE)
        made.settle()
        made.ask_for_image(server, str(uuid.uuid4()), dies_after=dies_after)
        made.settle()
        made.check()
        assert list(made.images.images) == [IMAGE]


def age(session: Session, instance_id: str, seconds: float) -> None:
    row = session.get(Instance, instance_id)
    assert row is not None
    row.updated_at = utcnow() - timedelta(seconds=seconds)


def test_the_image_of_a_server_whose_host_stays_away_is_given_up() -> None:
    with region() as made:
        server = made.create(image=IMAGE)
        made.settle()
        (row,) = made.rows()
        made.ask_for_image(server, str(uuid.uuid4()))
        made.set_alive(str(row.host), False)
        made.transactor.write(lambda session: age(session, server, 61))
        for _ in range(3):
            made.sweep()
        (row,) = made.rows()
        assert (row.vm_state, row.task_state) == (VmState.ACTIVE, None)
        assert list(made.images.images) == [IMAGE]


def test_a_cached_image_boots_while_the_image_service_is_away() -> None:
    with region() as made:
        for _ in range(24):
            made.create(image=IMAGE)
        made.settle()
        assert made.images.downloads == len(HOSTS), "each host fetches an image once"
        made.ask(made.rows()[0].id, "delete")
        made.settle()
        made.images.away = True
        made.create(image=IMAGE)
        while made.bag.messages:
            made.deliver(made.bag.messages.pop(0))
        assert made.rows()[-1].vm_state == VmState.ACTIVE


def test_an_undisturbed_build_needs_no_sweep() -> None:
    with region() as made:
        made.create()
        while made.bag.messages:
            made.deliver(made.bag.messages.pop(0))
        made.check()
        assert [row.vm_state for row in made.rows()] == [VmState.ACTIVE]


def test_more_than_fits_is_refused_with_the_reason() -> None:
    with region() as made:
        for _ in range(30):
            made.create()
        made.settle()
        made.check()
        states = Counter(row.vm_state for row in made.rows())
        assert states == {VmState.ACTIVE: 24, VmState.ERROR: 6}
        assert all(node.generation > 1 for node in nodes(made))


def test_a_guest_that_was_made_elsewhere_meanwhile_is_destroyed_when_its_host_returns() -> None:
    with region() as made:
        instance_id = made.create()
        while not (made.bag.messages and made.bag.messages[0][0].startswith("agent.")):
            made.deliver(made.bag.messages.pop(0))
        first = made.bag.messages[0][0].removeprefix("agent.")
        made.deliver(made.bag.messages.pop(0))
        made.bag.messages.clear()  # the report is lost with the host
        made.set_alive(first, False)
        made.sweep()
        while made.bag.messages:
            made.deliver(made.bag.messages.pop(0))
        (row,) = made.rows()
        assert (row.vm_state, row.tried) == (VmState.ACTIVE, [first])
        assert row.host != first
        assert instance_id in made.guests()[first], "nobody could tell it yet"
        made.settle()
        made.check()
        assert instance_id not in made.guests()[first]
