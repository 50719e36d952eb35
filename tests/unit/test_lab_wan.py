"""What the user asks of the network between the sites, and what the answer says."""

from __future__ import annotations

import pytest

from lab import echo, wan_wish
from lab.errors import BadNameError
from lab.shell import exec_command
from lab.wan import Measured, PairReport


@pytest.mark.parametrize(("text", "expected"), [("80ms", 80), ("80", 80), ("0.2s", 200), ("1.5ms", 1.5)])
def test_delays(text: str, expected: float) -> None:
    assert wan_wish.delay(text) == expected


@pytest.mark.parametrize("text", ["", "fast", "-80ms", "0ms", "80m", "6s"])
def test_no_delays(text: str) -> None:
    with pytest.raises(BadNameError, match="delay"):
        wan_wish.delay(text)


def test_losses() -> None:
    assert wan_wish.loss("5%") == wan_wish.loss("5") == 5
    for text in ("0%", "101%", "many"):
        with pytest.raises(BadNameError, match="loss"):
            wan_wish.loss(text)


def test_where() -> None:
    assert wan_wish.pairs("two-one") == ("one-two",)
    assert wan_wish.pairs("one") == ("one-two", "one-outside")
    assert wan_wish.pairs("all") == wan_wish.PAIRS
    with pytest.raises(BadNameError, match="one-two"):
        wan_wish.pairs("one-tow")


def test_faults_add_up_and_are_healed_where_asked() -> None:
    slow = wan_wish.changed({}, "one-two", delay_ms=80.0)
    both = wan_wish.changed(slow, "one", loss=5.0)
    assert both == {
        "one-two": {"delay_ms": 80.0, "loss": 5.0, "cut": False},
        "one-outside": {"delay_ms": 0.0, "loss": 5.0, "cut": False},
    }
    assert wan_wish.healed(both, "one-two") == {"one-outside": both["one-outside"]}
    assert wan_wish.healed(both) == {}


def test_a_fault_that_holds_one_way_only_is_not_forgotten() -> None:
    one_way = {"one>two": {"delay_ms": 80.0, "loss": 0.0, "cut": False}}
    assert wan_wish.changed(one_way, "one-two", cut=True) == {"one-two": {"delay_ms": 80.0, "loss": 0.0, "cut": True}}


def test_reports() -> None:
    link = {"delay_ms": 80.0, "loss": 5.0, "cut": False}
    report = PairReport("one-two", link, Measured.parse("200 181 160.21 160.8 171.5")).sentence()
    assert "80 ms each way, 5 % loss each way" in report
    assert "round trip 160.8 ms (160.2 to 171.5), 9.5 % of echoes lost" in report
    assert "nothing gets through" in PairReport("one-two", link | {"cut": True}, Measured.parse("200 0")).sentence()
    assert "not measured" in PairReport("one-two", wan_wish.NO_FAULT, None).sentence()


def test_echo_requests_carry_a_right_checksum() -> None:
    for sequence in (0, 1, 199):
        assert echo.checksum(echo.request(sequence)) == 0


def test_a_shell_on_the_client_is_nobody_special() -> None:
    assert exec_command("lab-outside-client", "client", ["--", "dig", "x"], interactive=False) == [
        "docker", "exec", "--interactive", "--user", "client", "lab-outside-client", "dig", "x",
    ]  # fmt: skip
    assert "--tty" in exec_command("lab-one-lb1", "lb1", [], interactive=True)


def test_the_way_between_the_sites_in_one_sentence() -> None:
    assert wan_wish.way({}) == ""
    slowed = wan_wish.changed({}, "one-two", delay_ms=80.0)
    assert (
        wan_wish.way(wan_wish.changed(slowed, "two-outside", cut=True)) == "one-two: 80 ms each way; two-outside: cut"
    )
