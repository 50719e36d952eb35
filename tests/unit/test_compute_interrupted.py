"""The conductor's promise, tried on the real code without sockets: messages are lost, doubled, late and out of order,
hosts die and come back, and still everything that was accepted ends, once, on one host, with nothing overcommitted.

The processes' own code runs on SQLite; what they would send is kept in a bag, and hypothesis decides what becomes of
each message.
"""

from __future__ import annotations

from collections import Counter

from compute_region import HOSTS, nodes, region
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.compute.states import VmState

numbers = st.integers(0, 1000)
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["deliver", "deliver", "deliver", "twice", "lose"]), numbers),
        st.tuples(st.sampled_from(["create", "create", "sweep"]), numbers),
        st.tuples(st.sampled_from(["die", "return"]), numbers),
        st.tuples(st.sampled_from(["delete", "stop", "start", "reboot-hard"]), numbers),
    ),
    max_size=60,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_whatever_becomes_of_messages_and_hosts_everything_ends_once(plan: list[tuple[str, int]]) -> None:
    with region() as made:
        ids: list[str] = [made.create()]
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
                ids.append(made.create())
            elif step == "sweep":
                made.sweep()
            elif step in ("die", "return"):
                made.set_alive(HOSTS[number % len(HOSTS)], step == "return")
            else:
                made.ask(ids[number % len(ids)], step)
        made.settle()
        made.check()


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
