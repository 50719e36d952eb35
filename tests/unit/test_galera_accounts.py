"""Accounts of the database cluster: what is missing is made, what is there is left alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "db"))

from galera.accounts import question, quoted, statements, wanted_accounts
from galera.settings import read_settings

ACCOUNTS = wanted_accounts("r00t", "m0n", {"identity": "i'd"})
ENVIRONMENT = {
    "DB_ORDINAL": "2",
    "DB_ADDRESSES": "10.0.0.21 10.0.0.22 10.0.0.23",
    "DB_CLUSTER": "region-one",
    "DB_DATABASES": "identity",
    "DB_ROOT_PASSWORD": "r00t",
    "DB_MONITOR_PASSWORD": "m0n",
    "DB_IDENTITY_PASSWORD": "i'd",
}


def test_nothing_to_do_where_all_is_there() -> None:
    assert statements(ACCOUNTS, "user root\nuser monitor\nuser identity\ndatabase identity\ndatabase mysql\n") == []


def test_all_is_made_in_an_empty_cluster() -> None:
    made = "\n".join(statements(ACCOUNTS, ""))
    assert "create database if not exists `identity`" in made
    assert "create user if not exists 'identity'@'%' identified by 'i''d'" in made
    assert "grant all privileges on `identity`.* to 'identity'@'%'" in made
    assert "grant all privileges on *.* to 'root'@'%' with grant option" in made
    assert "to 'monitor'" not in made


def test_a_changed_password_is_set() -> None:
    made = statements(ACCOUNTS, "user root\nuser monitor\ndatabase identity\n")
    assert "alter user 'identity'@'%' identified by 'i''d'" in made
    assert not [each for each in made if each.startswith("create database")]


def test_literals_cannot_be_left() -> None:
    assert quoted("a'b\\c") == "'a''b\\\\c'"
    assert "password('i''d')" in question(ACCOUNTS)


def test_settings() -> None:
    settings = read_settings(ENVIRONMENT)
    assert settings.address == "10.0.0.22"
    assert settings.peers == {1: "10.0.0.21", 3: "10.0.0.23"}
    assert settings.databases == {"identity": "i'd"}


def test_everything_that_is_not_set_is_named() -> None:
    with pytest.raises(SystemExit, match="DB_CLUSTER DB_IDENTITY_PASSWORD"):
        read_settings({**ENVIRONMENT, "DB_CLUSTER": "", "DB_IDENTITY_PASSWORD": ""})
