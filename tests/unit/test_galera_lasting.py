"""For how long something has held: a break begins it anew."""

from galera.lasting import Lasting


def test_it_counts_from_the_first_look_that_says_yes():
    lasting = Lasting()
    assert [lasting.seconds(True, now) for now in (10.0, 12.5, 15.0)] == [0.0, 2.5, 5.0]


def test_a_break_begins_it_anew():
    lasting = Lasting()
    lasting.seconds(True, 10.0)
    assert lasting.seconds(False, 30.0) == 0.0
    assert [lasting.seconds(True, now) for now in (31.0, 33.0)] == [0.0, 2.0]
