"""Passwords: changing one's own, history, lockout."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest
from conftest import Cloud
from identity_fixture import Api, Person, person, unique
from openstack.connection import Connection

LOCKOUT_SECONDS = 5


@pytest.fixture(scope="module")
def api(cloud: Cloud, admin: Connection) -> Api:
    return Api(cloud.root, admin.auth_token)


@pytest.fixture
def ann(api: Api) -> Iterator[Person]:
    with person(api) as made:
        yield made


def change(api: Api, who: Person, old: str, new: str, **headers: str) -> int:
    body = {"user": {"original_password": old, "password": new}}
    return Api(api.root).call("POST", f"/users/{who.user_id}/password", body, **headers).status_code


def test_a_changed_password_is_the_only_one_and_ends_the_tokens(api: Api, ann: Person) -> None:
    token, new = ann.token(api), unique("new")
    assert change(api, ann, ann.password, new) == 204
    assert api.get("/auth/tokens", X_Subject_Token=token).status_code == 404
    assert ann.login(api, new).status_code == 201
    assert ann.login(api).status_code == 401


def test_earlier_passwords_are_refused(api: Api, ann: Person) -> None:
    second, third = unique("second"), unique("third")
    assert change(api, ann, ann.password, ann.password) == 400
    assert change(api, ann, ann.password, second) == 204
    assert change(api, ann, second, ann.password) == 400
    assert change(api, ann, second, third) == 204
    assert change(api, ann, third, ann.password) == 204


def test_the_old_password_is_the_proof(api: Api, ann: Person) -> None:
    assert change(api, ann, "wrong", unique("new")) == 401
    assert ann.login(api).status_code == 201


def test_a_repeated_change_succeeds_once(api: Api, ann: Person) -> None:
    """A load balancer that sends the request again, because the first answer was lost, sends the same key."""
    key = {"X-Request-Key": str(uuid.uuid4())}
    assert change(api, ann, ann.password, "new-password", **key) == 204
    again = change(api, ann, ann.password, "new-password", **key)
    assert again in (204, 401)  # 401 where a load balancer in between replaces the key
    assert ann.login(api, "new-password").status_code == 201


def test_administrators_set_passwords_without_the_old_one(api: Api, ann: Person) -> None:
    api.ok("PATCH", f"/users/{ann.user_id}", {"user": {"password": ann.password}})
    assert ann.login(api).status_code == 201


def test_a_locked_password_cannot_be_changed_by_its_owner(api: Api, ann: Person) -> None:
    api.ok("PATCH", f"/users/{ann.user_id}", {"user": {"options": {"lock_password": True}}})
    assert change(api, ann, ann.password, unique("new")) == 400


def test_two_failures_lock_the_user_out_for_a_while(api: Api, ann: Person) -> None:
    for _ in range(2):
        assert ann.login(api, "wrong").status_code == 401
    locked_at = time.monotonic()
    assert ann.login(api).status_code == 401
    while ann.login(api).status_code != 201:
        assert time.monotonic() < locked_at + LOCKOUT_SECONDS + 5
        time.sleep(0.2)
    assert time.monotonic() - locked_at > LOCKOUT_SECONDS - 1


def test_a_success_forgets_the_failures_before_it(api: Api, ann: Person) -> None:
    for _ in range(3):
        assert ann.login(api, "wrong").status_code == 401
        assert ann.login(api).status_code == 201


def test_users_who_are_exempt_are_never_locked_out(api: Api, ann: Person) -> None:
    options = {"ignore_lockout_failure_attempts": True}
    changed = api.ok("PATCH", f"/users/{ann.user_id}", {"user": {"options": options}})["user"]
    assert changed["options"] == options
    for _ in range(3):
        assert ann.login(api, "wrong").status_code == 401
    assert ann.login(api).status_code == 201


def test_passwords_are_text_of_any_script_and_are_never_shown(api: Api, ann: Person) -> None:
    for password in ("пароль", "密码🔑", "a" * 4096, "nul\x00in it"):
        answer = api.call("PATCH", f"/users/{ann.user_id}", {"user": {"password": password}})
        assert answer.status_code == 200
        assert "password" not in answer.json()["user"]
        assert ann.login(api, password).status_code == 201
