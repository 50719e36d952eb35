"""Who may do what: administrators all, people their own, strangers nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import Cloud
from identity_fixture import Api, Person, by_password, person, role_id, unique
from openstack.connection import Connection


@pytest.fixture(scope="module")
def api(cloud: Cloud, admin: Connection) -> Api:
    return Api(cloud.root, admin.auth_token)


@pytest.fixture(scope="module")
def ann(api: Api) -> Iterator[Person]:
    with person(api) as made:
        yield made


@pytest.fixture(scope="module")
def anns(api: Api, ann: Person) -> Api:
    return api.as_(ann.token(api))


def test_people_see_themselves_and_what_is_theirs(anns: Api, ann: Person) -> None:
    assert anns.ok("GET", f"/users/{ann.user_id}")["user"]["name"] == ann.name
    assert [row["id"] for row in anns.ok("GET", f"/users/{ann.user_id}/projects")["projects"]] == [ann.project_id]
    assert anns.ok("GET", f"/users/{ann.user_id}/groups")["groups"] == []
    assert anns.ok("GET", f"/projects/{ann.project_id}")["project"]["name"] == ann.name
    assert anns.ok("GET", "/domains/default")["domain"]["enabled"] is True
    assert [row["id"] for row in anns.ok("GET", "/auth/projects")["projects"]] == [ann.project_id]
    assert anns.ok("GET", "/auth/domains")["domains"] == []
    assert anns.ok("GET", "/auth/system")["system"] == []
    assert anns.get("/regions").status_code == 200


def test_people_see_nothing_else_and_are_not_told_what_exists(api: Api, anns: Api) -> None:
    with person(api) as bob:
        for path in (f"/users/{bob.user_id}", f"/projects/{bob.project_id}", f"/users/{bob.user_id}/projects"):
            assert anns.get(path).status_code == 403
    for path in ("/users/nobody", "/projects/none", "/groups/none", "/roles/none", "/domains/none", "/services/none"):
        assert anns.get(path).status_code == 403
    for path in (
        "/users", "/projects", "/domains", "/groups", "/roles", "/services", "/endpoints", "/role_assignments",
        "/role_inferences",
    ):  # fmt: skip
        assert anns.get(path).status_code == 403, path


def test_only_administrators_change_things(api: Api, anns: Api, ann: Person) -> None:
    admin_role, name = role_id(api, "admin"), unique("x")
    attempts = [
        ("POST", "/users", {"user": {"name": name}}),
        ("PATCH", f"/users/{ann.user_id}", {"user": {"enabled": True}}),
        ("DELETE", f"/users/{ann.user_id}", None),
        ("POST", "/projects", {"project": {"name": name}}),
        ("PATCH", f"/projects/{ann.project_id}", {"project": {"name": name}}),
        ("DELETE", f"/projects/{ann.project_id}", None),
        ("PUT", f"/projects/{ann.project_id}/tags/x", None),
        ("POST", "/domains", {"domain": {"name": name}}),
        ("POST", "/groups", {"group": {"name": name}}),
        ("POST", "/roles", {"role": {"name": name}}),
        ("PUT", f"/projects/{ann.project_id}/users/{ann.user_id}/roles/{admin_role}", None),
        ("PUT", f"/system/users/{ann.user_id}/roles/{admin_role}", None),
        ("PUT", f"/OS-INHERIT/domains/default/users/{ann.user_id}/roles/{admin_role}/inherited_to_projects", None),
        ("PUT", f"/roles/{role_id(api, 'reader')}/implies/{role_id(api, 'member')}", None),
        ("POST", "/regions", {"region": {"id": name}}),
        ("POST", "/services", {"service": {"type": name}}),
        ("DELETE", "/services/x", None),
    ]
    for method, path, body in attempts:
        assert anns.call(method, path, body).status_code == 403, (method, path)


def test_readers_of_a_domain_see_that_domain_only(api: Api, ann: Person) -> None:
    other = api.ok("POST", "/domains", {"domain": {"name": unique("domain")}}, 201)["domain"]["id"]
    inside = api.ok("POST", "/users", {"user": {"name": unique("u"), "domain_id": other}}, 201)["user"]["id"]
    api.ok("PUT", f"/domains/{other}/users/{ann.user_id}/roles/{role_id(api, 'reader')}", status=204)
    login = Api(api.root).login(by_password(ann.user_id, ann.password, domain={"id": other}))
    reader = api.as_(login.headers["x-subject-token"])
    assert [row["id"] for row in reader.ok("GET", "/users")["users"]] == [inside]
    assert [row["id"] for row in reader.ok("GET", "/users?domain_id=default")["users"]] == []
    assert [row["id"] for row in reader.ok("GET", "/domains")["domains"]] == [other]
    assert reader.get(f"/users/{inside}").status_code == 200
    assert reader.get("/projects").status_code == 200
    assert reader.get("/projects/none").status_code == 403
    assert reader.call("DELETE", f"/users/{inside}").status_code == 403
    api.ok("PATCH", f"/domains/{other}", {"domain": {"enabled": False}})
    api.ok("DELETE", f"/domains/{other}", status=204)


def test_readers_of_the_system_see_all_and_change_nothing(api: Api, ann: Person) -> None:
    grant = f"/system/users/{ann.user_id}/roles/{role_id(api, 'reader')}"
    api.ok("PUT", grant, status=204)
    login = Api(api.root).login(by_password(ann.user_id, ann.password, system={"all": True}))
    reader = api.as_(login.headers["x-subject-token"])
    for path in ("/users", "/projects", "/domains", "/roles", "/services", "/role_assignments"):
        assert reader.get(path).status_code == 200
    assert reader.get("/users/nobody").status_code == 404
    assert reader.call("POST", "/projects", {"project": {"name": unique("x")}}).status_code == 403
    api.ok("DELETE", grant, status=204)
