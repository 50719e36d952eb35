"""Tokens as clients see them: issued, validated, exchanged, revoked, and ended by what happens around them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from conftest import Cloud
from identity_fixture import Api, Person, by_password, by_token, person, role_id, unique
from openstack.connection import Connection


@pytest.fixture(scope="module")
def api(cloud: Cloud, admin: Connection) -> Api:
    """As the administrator, on a project."""
    return Api(cloud.root, admin.auth_token)


@pytest.fixture
def ann(api: Api) -> Iterator[Person]:
    with person(api) as made:
        yield made


def status(api: Api, token: str) -> int:
    return api.get("/auth/tokens", X_Subject_Token=token).status_code


def test_what_is_issued_is_what_is_validated(api: Api, ann: Person) -> None:
    issued = ann.login(api)
    assert issued.status_code == 201
    token = issued.headers["x-subject-token"]
    validated = api.get("/auth/tokens", X_Subject_Token=token)
    same = {key: value for key, value in issued.json()["token"].items() if key != "catalog"}
    # Another replica may know of a catalog that was changed within the last second, so that part is compared by shape.
    assert {key: value for key, value in validated.json()["token"].items() if key != "catalog"} == same
    assert validated.headers["x-subject-token"] == token
    body = issued.json()["token"]
    assert body["methods"] == ["password"]
    assert body["user"] == {
        "id": ann.user_id,
        "name": ann.name,
        "domain": {"id": "default", "name": "Default"},
        "password_expires_at": None,
    }
    assert body["project"]["id"] == ann.project_id
    assert [role["name"] for role in body["roles"]] == ["member", "reader"]
    assert len(body["audit_ids"]) == 1
    for moment in (body["issued_at"], body["expires_at"]):
        datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S.%fZ")
    for service in body["catalog"]:
        assert {"id", "type", "name", "endpoints"} == service.keys()
        for endpoint in service["endpoints"]:
            assert {"id", "interface", "region", "region_id", "url"} == endpoint.keys()


def test_head_answers_like_get_without_a_body(api: Api, ann: Person) -> None:
    answer = api.call("HEAD", "/auth/tokens", X_Subject_Token=ann.token(api))
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_catalog_can_be_left_out_and_asked_for_alone(api: Api, ann: Person) -> None:
    token = ann.token(api)
    whole = api.get("/auth/tokens", X_Subject_Token=token).json()["token"]
    without = api.get("/auth/tokens?nocatalog", X_Subject_Token=token).json()["token"]
    assert without == {key: value for key, value in whole.items() if key != "catalog"}
    assert api.as_(token).ok("GET", "/auth/catalog")["catalog"] == whole["catalog"]


@pytest.mark.parametrize(
    "user",
    [
        {"name": "nobody", "domain": {"id": "default"}},
        {"name": "admin", "domain": {"name": "nowhere"}},
        {"name": "admin"},
        {"id": "0" * 32},
        {},
    ],
)
def test_who_is_not_there_is_refused_like_a_wrong_password(api: Api, user: dict[str, Any]) -> None:
    auth = {"identity": {"methods": ["password"], "password": {"user": {**user, "password": "x"}}}}
    assert Api(api.root).login(auth).status_code == 401


def test_names_and_ids_both_lead_to_user_and_project(api: Api, ann: Person) -> None:
    default = {"name": "Default"}
    user = {"name": ann.name, "domain": default, "password": ann.password}
    for project in ({"name": ann.name, "domain": default}, {"id": ann.project_id}):
        auth = {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": {"project": project}}
        assert Api(api.root).login(auth).json()["token"]["project"]["id"] == ann.project_id


def test_no_scope_means_no_roles_and_no_catalog(api: Api, ann: Person) -> None:
    for auth in (
        by_password(ann.user_id, ann.password),
        by_password(ann.user_id, ann.password) | {"scope": "unscoped"},
        by_password(ann.user_id, ann.password, unscoped={}),
    ):
        token = Api(api.root).login(auth).json()["token"]
        assert not token.keys() & {"project", "domain", "roles", "catalog", "system"}


def test_a_default_project_is_the_scope_where_none_is_asked_for(api: Api, ann: Person) -> None:
    api.ok("PATCH", f"/users/{ann.user_id}", {"user": {"default_project_id": ann.project_id}})
    auth = by_password(ann.user_id, ann.password)
    assert Api(api.root).login(auth).json()["token"]["project"]["id"] == ann.project_id
    assert "project" not in Api(api.root).login(auth | {"scope": "unscoped"}).json()["token"]


@pytest.mark.parametrize(
    "scope",
    [
        {"project": {"id": "f" * 32}},
        {"project": {"name": "nowhere", "domain": {"id": "default"}}},
        {"domain": {"id": "default"}},
        {"domain": {"name": "nowhere"}},
        {"system": {"all": True}},
    ],
)
def test_a_scope_without_a_role_on_it_is_refused(api: Api, ann: Person, scope: dict[str, Any]) -> None:
    assert Api(api.root).login(by_password(ann.user_id, ann.password, **scope)).status_code == 401


def test_domain_and_system_scope(api: Api, ann: Person) -> None:
    reader = role_id(api, "reader")
    api.ok("PUT", f"/domains/default/users/{ann.user_id}/roles/{reader}", status=204)
    api.ok("PUT", f"/system/users/{ann.user_id}/roles/{reader}", status=204)
    domain = Api(api.root).login(by_password(ann.user_id, ann.password, domain={"name": "Default"})).json()["token"]
    assert domain["domain"] == {"id": "default", "name": "Default"}
    system = Api(api.root).login(by_password(ann.user_id, ann.password, system={"all": True})).json()["token"]
    assert system["system"] == {"all": True}
    assert [role["name"] for role in system["roles"]] == ["reader"]


def test_a_token_is_exchanged_for_another_that_ends_with_it(api: Api, ann: Person) -> None:
    first = Api(api.root).login(by_password(ann.user_id, ann.password))
    token = first.headers["x-subject-token"]
    second = Api(api.root).login(by_token(token, project={"id": ann.project_id})).json()["token"]
    assert second["expires_at"] == first.json()["token"]["expires_at"]
    assert second["methods"] == ["password", "token"]
    assert second["audit_ids"][1] == first.json()["token"]["audit_ids"][0]


def test_after_deletion_validation_is_404_and_use_is_401(api: Api, ann: Person) -> None:
    token = ann.token(api)
    assert status(api, token) == 200
    assert api.call("DELETE", "/auth/tokens", X_Subject_Token=token).status_code == 204
    assert status(api, token) == 404
    assert api.call("DELETE", "/auth/tokens", X_Subject_Token=token).status_code == 404
    assert api.as_(token).get(f"/users/{ann.user_id}").status_code == 401
    assert Api(api.root).login(by_token(token)).status_code == 404


def test_a_token_that_deletes_itself_may_do_so_again(cloud: Cloud, api: Api, ann: Person) -> None:
    if not cloud.ours:
        pytest.skip("the load balancer chooses the key of each request itself")
    token, key = ann.token(api), str(uuid.uuid4())
    for _ in range(2):
        answer = api.as_(token).call("DELETE", "/auth/tokens", X_Subject_Token=token, X_Request_Key=key)
        assert answer.status_code == 204
    assert api.as_(token).call("DELETE", "/auth/tokens", X_Subject_Token=token).status_code == 401


def test_only_the_deleted_token_ends(api: Api, ann: Person) -> None:
    one, other = ann.token(api), ann.token(api)
    api.as_(one).call("DELETE", "/auth/tokens", X_Subject_Token=one)
    assert (status(api, one), status(api, other)) == (404, 200)


def test_disabling_the_user_ends_all_tokens_for_good(api: Api, ann: Person) -> None:
    token = ann.token(api)
    api.ok("PATCH", f"/users/{ann.user_id}", {"user": {"enabled": False}})
    assert status(api, token) == 404
    assert ann.login(api).status_code == 401
    api.ok("PATCH", f"/users/{ann.user_id}", {"user": {"enabled": True}})
    assert status(api, token) == 404
    assert status(api, ann.token(api)) == 200


def test_disabling_or_deleting_the_project_ends_its_tokens(api: Api, ann: Person) -> None:
    token = ann.token(api)
    api.ok("PATCH", f"/projects/{ann.project_id}", {"project": {"enabled": False}})
    assert (status(api, token), ann.login(api).status_code) == (404, 401)
    api.ok("PATCH", f"/projects/{ann.project_id}", {"project": {"enabled": True}})
    token = ann.token(api)
    api.ok("DELETE", f"/projects/{ann.project_id}", status=204)
    assert status(api, token) == 404


def test_roles_are_those_of_the_moment(api: Api, ann: Person) -> None:
    token = ann.token(api)

    def roles() -> list[str]:
        answer = api.get("/auth/tokens", X_Subject_Token=token)
        return [role["name"] for role in answer.json()["token"]["roles"]]

    grant = f"/projects/{ann.project_id}/users/{ann.user_id}/roles"
    api.ok("PUT", f"{grant}/{role_id(api, 'manager')}", status=204)
    assert roles() == ["manager", "member", "reader"]
    api.ok("DELETE", f"{grant}/{role_id(api, 'manager')}", status=204)
    assert roles() == ["member", "reader"]
    api.ok("DELETE", f"{grant}/{role_id(api, 'member')}", status=204)
    assert status(api, token) == 404


def test_roles_come_through_groups_and_down_the_tree(api: Api, ann: Person) -> None:
    group = api.ok("POST", "/groups", {"group": {"name": unique("group")}}, 201)["group"]["id"]
    child = api.ok("POST", "/projects", {"project": {"name": unique("child"), "parent_id": ann.project_id}}, 201)
    child_id, special = child["project"]["id"], unique("role")
    special_id = api.ok("POST", "/roles", {"role": {"name": special}}, 201)["role"]["id"]
    inherited = f"/OS-INHERIT/projects/{ann.project_id}/groups/{group}/roles/{special_id}/inherited_to_projects"
    try:
        api.ok("PUT", f"/groups/{group}/users/{ann.user_id}", status=204)
        api.ok("PUT", inherited, status=204)
        auth = by_password(ann.user_id, ann.password, project={"id": child_id})
        answer = Api(api.root).login(auth)
        assert [role["name"] for role in answer.json()["token"]["roles"]] == [special]
        token = answer.headers["x-subject-token"]
        mine = api.as_(token).ok("GET", "/auth/projects")["projects"]
        assert {project["id"] for project in mine} == {child_id, ann.project_id}
        api.ok("DELETE", f"/groups/{group}/users/{ann.user_id}", status=204)
        assert status(api, token) == 404
    finally:
        for path in (f"/projects/{child_id}", f"/groups/{group}", f"/roles/{special_id}"):
            api.call("DELETE", path)


def test_strangers_validate_their_own_tokens_only(api: Api, ann: Person) -> None:
    with person(api) as bob:
        token = bob.token(api)
        assert api.as_(token).get("/auth/tokens", X_Subject_Token=token).status_code == 200
        assert api.as_(token).get("/auth/tokens", X_Subject_Token=ann.token(api)).status_code == 403
        assert api.as_(token).call("DELETE", "/auth/tokens", X_Subject_Token=ann.token(api)).status_code == 403


def test_rubbish_for_tokens(api: Api, ann: Person) -> None:
    anybody, token = Api(api.root), ann.token(api)
    assert anybody.get("/users").status_code == 401
    assert anybody.get("/auth/tokens", X_Subject_Token=token).status_code == 401
    assert api.get("/auth/tokens").status_code == 400
    for rubbish in ("x", "gAAAA", token[:-3], token + "x", "gAAAAABn" + "A" * 180, "é"):
        answer = api.call("GET", "/auth/tokens", **{"X-Subject-Token": rubbish.encode().decode("latin-1")})
        assert answer.status_code == 404
        assert answer.json()["error"]["message"] == "Could not recognize Fernet token"
        assert api.as_(rubbish.encode().decode("latin-1")).get("/users").status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"auth": {}},
        {"auth": []},
        {"auth": {"identity": {"methods": "password"}}},
        {"auth": {"identity": {"methods": ["password"]}}},
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": 5, "password": "x"}}}}},
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": "x", "password": None}}}}},
        {"auth": {"identity": {"methods": ["token"], "token": {}}}},
        {"auth": {"identity": {"methods": ["token"], "token": {"id": "x"}}, "scope": "everywhere"}},
        [],
        "auth",
        5,
        None,
    ],
)
def test_malformed_requests_for_tokens(api: Api, body: Any) -> None:
    assert Api(api.root).call("POST", "/auth/tokens", body).status_code == 400


def test_methods_that_do_not_exist(api: Api) -> None:
    for methods in (["saml2"], []):
        assert Api(api.root).login({"identity": {"methods": methods}}).status_code == 401
