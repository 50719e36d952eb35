"""What failover tests make of their measurements: gaps, broken promises, the report."""

import pytest

from tests.lab.peers import PEERS
from tests.lab.probe import longest_gap
from tests.lab.record import ANYCAST, FRESH, REGION_TARGETS, RPC, TARGETS, WRITES, Record, keeps, missed
from tests.lab.report import text
from tests.lab.second_try import Late
from tests.lab.storage_trial import FAULTS as STORAGE
from tests.lab.strikes import BALANCERS, BROKERS, BUILDERS, DATABASES, EVERYTHING, PROXIES, REPLICAS

RECORD = Record(
    fault="lb-kill",
    run=0,
    struck=("lb1",),
    calm={FRESH: 0.05},
    gaps={FRESH: 0.3},
    returning={FRESH: 0.06},
    requests=100,
    failed_safe=0,
    refused=0,
    unknown=2,
    redundant_after=1.5,
    lost=0,
    ruling="valid",
    problems=(),
)


def with_changes(**changes):
    return Record(**{**{name: getattr(RECORD, name) for name in Record.__dataclass_fields__}, **changes})


@pytest.mark.parametrize(
    ("successes", "gap", "began"),
    [
        ([0.9, 1.1, 1.2, 1.8, 2.0], 0.6, 1.2),
        ([0.2, 1.9, 2.0], 1.7, 0.2),  # the fault struck just after a success
        ([0.9, 1.0, 1.1], 0.9, 1.1),  # nothing after it: the outage lasted to the end
        ([], 1.0, 1.0),
        ([1.1, 3.0], 0.9, 1.1),
    ],
)
def test_the_longest_gap_in_a_window(successes, gap, began):
    found = longest_gap(successes, since=1.0, until=2.0)
    assert found.seconds == pytest.approx(gap)
    assert found.began == began


def test_a_promise_is_kept_up_to_its_limit_and_the_machines_own_part():
    assert missed(RECORD, slow=1) == []
    assert missed(with_changes(gaps={FRESH: 0.44}), slow=1) == []
    assert missed(with_changes(gaps={FRESH: 0.46}), slow=1) == [f"{FRESH}: 0.46 s, at most 0.45 s"]
    assert missed(with_changes(gaps={FRESH: 0.46}), slow=2) == []


def test_a_region_that_came_back_has_so_long_from_when_all_of_it_ran() -> None:
    back = {"fault": "region-kill", "gaps": {}, "calm": {}, "started_after": 14.0}
    assert missed(with_changes(**back, redundant_after=43.9), slow=1) == []
    late = with_changes(**back, redundant_after=45.0)
    assert missed(late, slow=1) == ["whole 31 s after it ran again, at most 30 s"]
    assert missed(late, slow=2) == []


def test_the_report_holds_a_region_to_the_time_since_mending_began() -> None:
    back = {"fault": "region-kill", "gaps": {}, "calm": {}, "started_after": 14.0}
    said = "whole again within 30 s: missed in 1 of 1 runs (31.00 / 31.00 / 31.00; of it since all of it ran: 17.00"
    assert said in text([with_changes(**back, redundant_after=31.0)], {}, 1)
    assert "whole again within" not in text([with_changes(**back, redundant_after=29.0)], {}, 1)


def test_failed_safe_requests_break_a_promise_where_none_may_fail():
    assert missed(with_changes(failed_safe=1), slow=1) == []
    assert missed(with_changes(fault="identity", failed_safe=1), slow=1) == ["1 safe requests failed"]


def test_the_report_tells_what_was_kept_and_what_was_not():
    runs = [RECORD, with_changes(run=1, gaps={FRESH: 0.5}, calm={FRESH: 0.2})]
    page = text(runs, {"processors": "2"}, slow=1)
    assert "0.30 / 0.40 / 0.50" in page
    assert "missed in 1 of 2 runs. The same client waited 0.20 s just before" in page
    assert "| 200 | 0 | 0 | 4 | 0 | 1.50 / 1.50 / 1.50 | valid |" in page
    assert "Bounds of the tests" not in page
    assert "0.40 s (fresh connections), whole again after 1.5 s" in page


def test_the_report_names_every_wrong():
    page = text([with_changes(ruling="invalid", lost=1, problems=("user ann is gone",))], {}, slow=2)
    assert "run 1: user ann is gone" in page
    assert "**invalid**" in page
    assert "multiplied by 2" in page


def test_regions_have_a_section_of_their_own():
    page = text([RECORD, with_changes(fault="region-kill", gaps={ANYCAST: 0.4}, notes=("seen",))], {}, slow=1)
    before, _, after = page.partition("# Regions")
    assert "SIGKILL of every container of region-one" not in before
    assert (
        "| SIGKILL of every container of region-one at once (x1) | anycast | - | 0.40 / 0.40 / 0.40 | 0.5 | ✓" in after
    )
    assert "- SIGKILL of every container of region-one at once: seen" in after


def test_every_fault_has_a_target_and_every_peer_a_fault():
    faults = [*REPLICAS, *BALANCERS, *DATABASES, *PROXIES, *BROKERS, *BUILDERS, *EVERYTHING]
    assert {fault.key for fault in [*faults, *STORAGE]} == TARGETS.keys() - REGION_TARGETS.keys()
    assert {peer.fault for peer in PEERS} <= set(TARGETS)
    assert all(fault.writes for fault in faults if WRITES in TARGETS[fault.key].limits)


def test_only_a_time_that_was_missed_is_late() -> None:
    keeps(RECORD, slow=1)
    with pytest.raises(Late, match="at most"):
        keeps(with_changes(gaps={FRESH: 5.0}), slow=1)
    for gaps in ({}, {FRESH: 5.0}):
        with pytest.raises(AssertionError) as failed:
            keeps(with_changes(fault="identity", failed_safe=1, gaps=gaps), slow=1)
        assert not isinstance(failed.value, Late)


def test_a_promise_that_is_known_not_to_be_kept_is_held_to_what_is_documented() -> None:
    within = with_changes(fault="queue-pause", gaps={RPC: 3.0}, calm={})
    assert missed(within, slow=1) == []
    assert missed(with_changes(fault="queue-pause", gaps={RPC: 3.2}, calm={}), slow=1) == [
        f"{RPC}: 3.20 s, at most 3.10 s"
    ]
