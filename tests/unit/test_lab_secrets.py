"""Secrets: made once, different for each lab, for their owner only."""

import stat

import pytest

from lab import envfile, secrets, state
from lab.errors import BadNameError, LabError
from lab.paths import private_directory, write_private
from lab.state import LabState
from lab.topology import OUTSIDE, TWO, Topology

TOPOLOGY = Topology("quorate-abc123", "10.123.45", 24680)


def test_existing_secrets_stay_and_missing_ones_are_made():
    first = secrets.complete({})
    assert secrets.complete(first) == first
    del first["MQ_COOKIE"]
    second = secrets.complete(first)
    assert second["MQ_COOKIE"]
    assert {name: second[name] for name in first} == first


def test_two_labs_share_no_secret():
    first, second = secrets.complete({}), secrets.complete({})
    assert not set(first.values()) & set(second.values())
    assert all(value.isalnum() and len(value) >= 24 for name, value in first.items() if name != "VRRP_PASSWORD")
    assert len(first["VRRP_PASSWORD"]) == 8


def test_files_are_for_their_owner_only(tmp_path):
    folder = private_directory(tmp_path / "var")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    file = folder / "lab.env"
    file.write_text("old")
    file.chmod(0o644)
    write_private(file, "new")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == "new"
    assert [path.name for path in folder.iterdir()] == ["lab.env"]


def test_the_env_file_reads_back(tmp_path):
    file = tmp_path / "lab.env"
    assert envfile.read(file) == {}
    content = envfile.values(TOPOLOGY, "haproxy", secrets.complete({}))
    envfile.write(file, content)
    assert envfile.read(file) == content
    assert content["SUBNET"] == "10.123.45"
    assert content["PORT_IMAGE"] == "24681"
    assert (content["REGIONS"], content["SUBNETS"], content["SHARED_DB_PORT"]) == ("1", "10.123.45", "3306")
    assert content["ANYCAST"] == content["PEER_SUBNET"] == ""


def test_the_env_files_of_two_regions_differ_in_their_place_only():
    kept = secrets.complete({})
    one = Topology("quorate-abc123", "10.123.44", 20000, regions=2)
    first, second = (envfile.values(each, "haproxy", kept) for each in (one, one.at(TWO)))
    assert first["SUBNETS"] == second["SUBNETS"] == "10.123.44 10.123.45"
    assert (first["PEER_SUBNET"], second["PEER_SUBNET"]) == (second["SUBNET"], first["SUBNET"])
    assert [first["SHARED_ORDINAL_1"], second["SHARED_ORDINAL_2"]] == ["1", "4"]
    assert first["SHARED_DB_PORT"] == "3307"
    same = {name for name in first if first[name] == second[name]}
    assert set(kept) | {"LAB", "ANYCAST", "OUTSIDE_SUBNET", "DB_PROXY"} <= same
    outside = envfile.values(one.at(OUTSIDE), "haproxy", kept)
    assert not [name for name in outside if name.startswith("PORT_")]


def test_the_state_reads_back_and_a_broken_one_is_said(tmp_path):
    file = tmp_path / "lab.json"
    assert state.load(file) is None
    kept = LabState("course-7", "10.150.2", 21000, "haproxy", "why")
    state.save(file, kept)
    assert state.load(file) == kept
    file.write_text('{"lab": 1}')
    with pytest.raises(LabError, match="remove it"):
        state.load(file)


def test_a_checkout_holds_one_lab(tmp_path):
    kept = LabState("course-7", "10.150.2", 21000)
    assert state.current_lab(kept, {}, tmp_path) == "course-7"
    assert state.current_lab(kept, {"QUORATE_LAB": "course-7"}, tmp_path) == "course-7"
    with pytest.raises(BadNameError, match="course-7"):
        state.current_lab(kept, {"QUORATE_LAB": "other"}, tmp_path)
    assert state.current_lab(None, {"QUORATE_LAB": "other"}, tmp_path) == "other"
