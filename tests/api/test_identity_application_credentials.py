"""Application credentials: what they give, and what they never give."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Cloud
from identity_fixture import Answer, Api, Person, by_token, person, role_id, unique
from openstack.connection import Connection


@pytest.fixture(scope="module")
def api(cloud: Cloud, admin: Connection) -> Api:
    return Api(cloud.root, admin.auth_token)


@pytest.fixture
def ann(api: Api) -> Iterator[Person]:
    with person(api) as made:
        yield made


@pytest.fixture
def anns(api: Api, ann: Person) -> Api:
    return api.as_(ann.token(api))


def path(who: Person, key: str = "") -> str:
    return f"/users/{who.user_id}/application_credentials{'/' if key else ''}{key}"


def make(bearer: Api, who: Person, **values: Any) -> dict[str, Any]:
    body = {"application_credential": {"name": unique("cred"), **values}}
    made: dict[str, Any] = bearer.ok("POST", path(who), body, 201)["application_credential"]
    return made


def login(api: Api, credential: dict[str, Any], secret: str | None = None, **scope: Any) -> Answer:
    part = {"id": credential["id"], "secret": secret or credential["secret"]}
    identity = {"methods": ["application_credential"], "application_credential": part}
    return Api(api.root).login({"identity": identity} | ({"scope": scope} if scope else {}))


def test_it_gives_its_owners_roles_on_the_project_it_was_made_on(api: Api, anns: Api, ann: Person) -> None:
    made = make(anns, ann)
    assert made["project_id"] == ann.project_id
    assert {role["name"] for role in made["roles"]} == {"member", "reader"}
    token = login(api, made).json()["token"]
    assert token["project"]["id"] == ann.project_id
    assert token["methods"] == ["application_credential"]
    assert token["application_credential"] == {"id": made["id"], "name": made["name"], "restricted": True}
    assert [role["name"] for role in token["roles"]] == ["member", "reader"]


def test_a_repeated_request_makes_one_and_its_answers_secret_is_the_right_one(
    cloud: Cloud, api: Api, anns: Api, ann: Person
) -> None:
    if not cloud.ours:
        pytest.skip("the load balancer chooses the key of each request itself")
    body, key = {"application_credential": {"name": unique("cred")}}, str(uuid.uuid4())
    answers = [anns.call("POST", path(ann), body, X_Request_Key=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    made = answers[1].json()["application_credential"]
    assert made["id"] == answers[0].json()["application_credential"]["id"]
    assert login(api, made).status_code == 201


def test_the_secret_is_shown_once(anns: Api, ann: Person) -> None:
    made = make(anns, ann)
    assert made["secret"]
    shown = anns.ok("GET", path(ann, made["id"]))["application_credential"]
    assert shown == {key: value for key, value in made.items() if key != "secret"}
    listed = anns.ok("GET", f"{path(ann)}?name={made['name']}")["application_credentials"]
    assert listed == [shown]


def test_it_may_give_less_but_not_more_than_its_owner_has(api: Api, anns: Api, ann: Person) -> None:
    made = make(anns, ann, roles=[{"name": "reader"}])
    assert [role["name"] for role in login(api, made).json()["token"]["roles"]] == ["reader"]
    for wrong, status in (({"name": "admin"}, 400), ({"id": role_id(api, "admin")}, 400), ({"name": "none"}, 404)):
        body = {"application_credential": {"name": unique("cred"), "roles": [wrong]}}
        assert anns.call("POST", path(ann), body).status_code == status
    api.ok("DELETE", f"/projects/{ann.project_id}/users/{ann.user_id}/roles/{role_id(api, 'member')}", status=204)
    assert login(api, made).status_code == 401


@pytest.mark.parametrize("unrestricted", [False, True])
def test_only_an_unrestricted_one_makes_others(api: Api, anns: Api, ann: Person, unrestricted: bool) -> None:
    made = make(anns, ann, unrestricted=unrestricted, roles=[{"name": "reader"}])
    bearer = api.as_(login(api, made).headers["x-subject-token"])
    body = {"application_credential": {"name": unique("cred")}}
    assert bearer.call("POST", path(ann), body).status_code == (201 if unrestricted else 403)
    body = {"application_credential": {"name": unique("cred"), "roles": [{"name": "member"}]}}
    assert bearer.call("POST", path(ann), body).status_code == (400 if unrestricted else 403)
    assert bearer.call("DELETE", path(ann, made["id"])).status_code == (204 if unrestricted else 403)


def test_its_tokens_cannot_go_elsewhere(api: Api, anns: Api, ann: Person) -> None:
    made = make(anns, ann)
    assert login(api, made, project={"id": ann.project_id}).status_code == 201
    assert login(api, made, domain={"id": "default"}).status_code == 401
    token = login(api, made).headers["x-subject-token"]
    again = Api(api.root).login(by_token(token)).json()["token"]
    assert again["application_credential"]["id"] == made["id"]
    assert again["project"]["id"] == ann.project_id
    assert Api(api.root).login(by_token(token) | {"scope": "unscoped"}).status_code == 401


def test_deletion_ends_its_tokens(api: Api, anns: Api, ann: Person) -> None:
    made = make(anns, ann)
    token = login(api, made).headers["x-subject-token"]
    anns.ok("DELETE", path(ann, made["id"]), status=204)
    assert api.get("/auth/tokens", X_Subject_Token=token).status_code == 404
    assert login(api, made).status_code == 401
    assert anns.call("DELETE", path(ann, made["id"])).status_code == 404


def test_wrong_secrets_and_names(api: Api, anns: Api, ann: Person) -> None:
    made = make(anns, ann, secret="chosen")
    assert made["secret"] == "chosen"
    assert login(api, made, "wrong").status_code == 401
    assert login(api, made | {"id": "f" * 32}).status_code == 401
    by_name = {"name": made["name"], "secret": "chosen", "user": {"id": ann.user_id}}
    identity = {"methods": ["application_credential"], "application_credential": by_name}
    assert Api(api.root).login({"identity": identity}).status_code == 201
    assert anns.call("POST", path(ann), {"application_credential": {"name": made["name"]}}).status_code == 409


def test_times_of_expiry(anns: Api, ann: Person) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).replace(tzinfo=None)
    assert make(anns, ann, expires_at=later.isoformat())["expires_at"] == later.isoformat(timespec="microseconds")
    for wrong in ("2001-01-01T00:00:00", "soon", "", "9" * 30, "9999-99-99", 5):
        body = {"application_credential": {"name": unique("cred"), "expires_at": wrong}}
        assert anns.call("POST", path(ann), body).status_code == 400


def test_nobody_makes_them_for_others(api: Api, ann: Person) -> None:
    with person(api) as bob:
        bobs = api.as_(bob.token(api))
        body = {"application_credential": {"name": unique("cred")}}
        assert bobs.call("POST", path(ann), body).status_code == 403
        assert api.call("POST", path(ann), body).status_code == 403
        assert bobs.get(path(ann)).status_code == 403
    assert api.get(path(ann)).status_code == 200


def test_access_rules_are_refused_rather_than_ignored(anns: Api, ann: Person) -> None:
    rules = [{"service": "compute", "method": "GET", "path": "/v2.1/servers"}]
    body = {"application_credential": {"name": unique("cred"), "access_rules": rules}}
    assert anns.call("POST", path(ann), body).status_code == 400


def test_the_sdk_logs_in_with_one(cloud: Cloud, anns: Api, ann: Person) -> None:
    made = make(anns, ann)
    connection = cloud.connect(
        username=None,
        password=None,
        project_name=None,
        user_domain_name=None,
        project_domain_name=None,
        application_credential_id=made["id"],
        application_credential_secret=made["secret"],
    )
    assert connection.current_project_id == ann.project_id
