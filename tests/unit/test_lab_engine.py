"""What is planned on a machine without a complete Docker."""

from dataclasses import replace

import pytest

from lab.apt import parse_policy, parse_targets
from lab.base_image import bootstrap_command, proxy_settings
from lab.database_proxy import FORCED, NO_IMAGE, ProxyChoice, choose
from lab.engine import Host, Plan, plan
from lab.errors import BadNameError, NoEngineError

BARE = Host(
    distribution="debian",
    is_root=True,
    has_systemd=False,
    has_client=False,
    has_daemon=False,
    engine_answers=False,
    socket_refused=False,
    has_compose=False,
    has_buildx=False,
)
READY = replace(BARE, has_client=True, has_daemon=True, engine_answers=True, has_compose=True, has_buildx=True)
BOOKWORM = {"docker.io": "20.10.24+dfsg1-1", "docker-compose": "1.29.2-3"}
TRIXIE = {"docker.io": "26.1.5", "docker-cli": "26.1.5", "docker-compose": "2.26.1-4", "docker-buildx": "0.13.1"}
NOBLE = {"docker.io": "27.5.1", "docker-compose-v2": "2.33.0", "docker-buildx": "0.21", "docker-compose": "1.29.2"}


def test_nothing_to_do_where_all_is_there():
    assert plan(READY, {}) == Plan()
    assert plan(replace(READY, is_root=False, distribution="fedora"), {}) == Plan()


@pytest.mark.parametrize(
    ("candidates", "packages", "plugins"),
    [
        (BOOKWORM, ("docker.io",), ("docker-compose", "docker-buildx")),
        (TRIXIE, ("docker.io", "docker-cli", "docker-compose", "docker-buildx"), ()),
        (NOBLE, ("docker.io", "docker-compose-v2", "docker-buildx"), ()),
    ],
)
def test_a_bare_machine_gets_what_its_release_has(candidates, packages, plugins):
    steps = plan(BARE, candidates)
    assert steps == Plan(packages, plugins, start_daemon=True)
    assert all(name in steps.sentence() for name in (*packages, *plugins))


def test_a_sleeping_engine_is_only_started():
    assert plan(replace(READY, engine_answers=False), NOBLE) == Plan(start_daemon=True)


@pytest.mark.parametrize("host", [replace(BARE, is_root=False), replace(BARE, distribution="fedora")])
def test_elsewhere_one_paragraph_says_what_to_do(host):
    with pytest.raises(NoEngineError) as caught:
        plan(host, BOOKWORM)
    assert "\n" not in caught.value.message
    assert "Install Docker Engine" in caught.value.message
    assert "make dev" in caught.value.message


def test_a_refused_socket_is_told_apart():
    with pytest.raises(NoEngineError, match="usermod -aG docker"):
        plan(replace(READY, is_root=False, engine_answers=False, socket_refused=True), {})


def test_missing_plugins_are_named():
    with pytest.raises(NoEngineError, match="lacks Compose v2 and buildx"):
        plan(replace(READY, is_root=False, has_compose=False, has_buildx=False), {})


def test_apt_answers_are_read():
    policy = "docker.io:\n  Installed: (none)\n  Candidate: 20.10\nabsent:\n  Installed: (none)\n  Candidate: (none)\n"
    assert parse_policy(policy) == {"docker.io": "20.10"}
    targets = (
        "https://other.example/apt stable Other\n"
        "http://mirror.example/debian/ bookworm Debian\n"
        "http://mirror.example/security/ bookworm-security Debian\n"
    )
    assert parse_targets(targets) == ("http://mirror.example/debian", "http://mirror.example/security")
    assert parse_targets("http://archive.example/ubuntu noble Ubuntu\n") == ("", "")


def test_the_base_image_trusts_what_the_host_trusts():
    command = bootstrap_command("out.tar", ["deb http://mirror.example/debian trixie main"], [], "/etc/ssl/bundle.crt")
    assert command[-3:] == ["trixie", "out.tar", "deb http://mirror.example/debian trixie main"]
    assert any("/etc/ssl/bundle.crt" in word for word in command)
    dump = (
        'APT "";\nAcquire::http::Proxy "http://cache:3142";\nAcquire::https::Proxy "";\nAcquire::http::Timeout "9";\n'
    )
    assert proxy_settings(dump) == ['Acquire::http::Proxy "http://cache:3142"']


def _never() -> bool:
    raise AssertionError("the registry must not be asked")


def test_proxysql_is_used_where_its_image_is():
    assert choose("", True, None, _never) == ProxyChoice("proxysql")
    assert choose("", True, ProxyChoice("haproxy", NO_IMAGE), _never) == ProxyChoice("proxysql")
    assert choose("", False, None, lambda: True) == ProxyChoice("proxysql")


def test_haproxy_takes_its_place_and_says_why():
    assert choose("", False, None, lambda: False) == ProxyChoice("haproxy", NO_IMAGE)
    assert choose("haproxy", True, None, _never) == ProxyChoice("haproxy", FORCED)
    with pytest.raises(BadNameError):
        choose("pgbouncer", True, None, _never)


def test_the_registry_is_asked_once_per_lab():
    before = ProxyChoice("haproxy", NO_IMAGE)
    assert choose("", False, before, _never) == before
    assert choose("proxysql", False, before, lambda: True) == ProxyChoice("proxysql")
