"""Domains, projects, users, groups, roles and the catalog: made, found, changed, removed, and made once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import Cloud
from identity_fixture import Api, Person, person, role_id, unique
from openstack.connection import Connection

#: Collection, name of one, what a new one needs, a change, and whether names are unique.
KINDS = [
    ("domains", "domain", {}, {"description": "other"}, True),
    ("projects", "project", {}, {"description": "other", "tags": ["a", "b"]}, True),
    ("users", "user", {"password": "secret"}, {"enabled": False}, True),
    ("groups", "group", {"description": "some"}, {"description": "other"}, True),
    ("roles", "role", {}, {"description": "other"}, True),
    ("services", "service", {"type": "testing"}, {"description": "other"}, False),
]
ALL_KINDS = pytest.mark.parametrize(
    ("many", "one", "new", "change", "unique_names"), KINDS, ids=[kind[0] for kind in KINDS]
)


@pytest.fixture(scope="module")
def api(cloud: Cloud, admin: Connection) -> Api:
    return Api(cloud.root, admin.auth_token)


@pytest.fixture
def ann(api: Api) -> Iterator[Person]:
    with person(api) as made:
        yield made


def remove(api: Api, many: str, key: str) -> None:
    if many == "domains":
        api.ok("PATCH", f"/domains/{key}", {"domain": {"enabled": False}})
    api.ok("DELETE", f"/{many}/{key}", status=204)


@ALL_KINDS
def test_the_life_of_a_resource(
    api: Api, many: str, one: str, new: dict[str, Any], change: dict[str, Any], unique_names: bool
) -> None:
    name = unique("resource")
    made = api.ok("POST", f"/{many}", {one: {"name": name, **new, "color": {"is": ["red", None, 1.5]}}}, 201)[one]
    path = f"/{many}/{made['id']}"
    assert made["name"] == name
    assert made["color"] == {"is": ["red", None, 1.5]}
    assert made["links"]["self"].endswith(f"/v3{path}")
    assert "password" not in made
    assert api.ok("GET", path)[one] == made
    assert api.ok("GET", f"/{many}?name={name}")[many] == [made]
    assert made["id"] in {row["id"] for row in api.ok("GET", f"/{many}")[many]}
    renamed = api.ok("PATCH", path, {one: {**change, "name": f"{name}-2", "size": 5}})[one]
    assert renamed == made | change | {"name": f"{name}-2", "size": 5}
    assert api.ok("GET", path)[one] == renamed
    remove(api, many, made["id"])
    assert api.get(path).status_code == 404
    assert api.call("DELETE", path).status_code == 404
    assert api.call("PATCH", path, {one: {}}).status_code == 404
    assert api.get(f"/{many}?name={name}-2").json()[many] == []


@ALL_KINDS
def test_names_are_taken_once(
    api: Api, many: str, one: str, new: dict[str, Any], change: dict[str, Any], unique_names: bool
) -> None:
    if not unique_names:
        pytest.skip("names of these need not be unique")
    name, other = unique("resource"), unique("resource")
    first = api.ok("POST", f"/{many}", {one: {"name": name, **new}}, 201)[one]
    second = api.ok("POST", f"/{many}", {one: {"name": other, **new}}, 201)[one]
    assert api.call("POST", f"/{many}", {one: {"name": name, **new}}).status_code == 409
    assert api.call("PATCH", f"/{many}/{second['id']}", {one: {"name": name}}).status_code == 409
    # Other letters are another name, in another case too.
    third = api.ok("POST", f"/{many}", {one: {"name": name.upper(), **new}}, 201)[one]
    for made in (first, second, third):
        remove(api, many, made["id"])


@ALL_KINDS
def test_a_repeated_request_makes_and_removes_one(
    cloud: Cloud, api: Api, many: str, one: str, new: dict[str, Any], change: dict[str, Any], unique_names: bool
) -> None:
    if not cloud.ours:
        pytest.skip("the load balancer chooses the key of each request itself")
    body, key = {one: {"name": unique("resource"), **new}}, str(uuid.uuid4())
    answers = [api.call("POST", f"/{many}", body, X_Request_Key=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    path, key = f"/{many}/{answers[0].json()[one]['id']}", str(uuid.uuid4())
    if many == "domains":
        api.ok("PATCH", path, {"domain": {"enabled": False}})
    assert [api.call("DELETE", path, X_Request_Key=key).status_code for _ in range(2)] == [204, 204]
    assert api.call("DELETE", path).status_code == 404


def test_pages_follow_one_another(api: Api) -> None:
    prefix = unique("page")
    made = [api.ok("POST", "/projects", {"project": {"name": f"{prefix}-{n}"}}, 201)["project"]["id"] for n in range(5)]
    seen, path = [], f"/projects?name__startswith={prefix}&limit=2"
    while path:
        page = api.ok("GET", path)
        seen += [row["id"] for row in page["projects"]]
        assert page.get("truncated", False) == (page["links"]["next"] is not None)
        path = (page["links"]["next"] or "").partition("/v3")[2]
    assert sorted(seen) == sorted(made)
    assert len(api.ok("GET", f"/projects?name__contains={prefix}")["projects"]) == 5
    assert api.get("/projects?limit=x").status_code == 400
    assert api.get("/projects?limit=-1").status_code == 400
    for project in made:
        api.ok("DELETE", f"/projects/{project}", status=204)


def test_a_tree_of_projects(api: Api) -> None:
    top = api.ok("POST", "/projects", {"project": {"name": unique("top"), "parent_id": "default"}}, 201)["project"]
    path = [top]
    for _ in range(4):
        body = {"project": {"name": unique("below"), "parent_id": path[-1]["id"]}}
        answer = api.call("POST", "/projects", body)
        if answer.status_code == 403:
            break
        path.append(answer.json()["project"])
    assert len(path) == 4
    assert path[1]["parent_id"] == top["id"]
    assert {row["id"] for row in api.ok("GET", f"/projects?parent_id={top['id']}")["projects"]} == {path[1]["id"]}
    assert top["id"] in {row["id"] for row in api.ok("GET", "/projects?parent_id=default")["projects"]}
    assert api.call("DELETE", f"/projects/{top['id']}").status_code == 403
    assert api.call("PATCH", f"/projects/{path[1]['id']}", {"project": {"parent_id": "default"}}).status_code == 403
    assert api.call("PATCH", f"/projects/{top['id']}", {"project": {"domain_id": "other"}}).status_code == 400
    for project in reversed(path):
        api.ok("DELETE", f"/projects/{project['id']}", status=204)
    assert api.call("POST", "/projects", {"project": {"name": "x", "parent_id": "nowhere"}}).status_code == 404


def test_domains_are_the_roots_of_the_tree(api: Api) -> None:
    roots = api.ok("GET", "/projects?is_domain=true")["projects"]
    assert "default" in {row["id"] for row in roots}
    assert all(row["is_domain"] for row in roots)
    assert api.ok("GET", "/projects/default")["project"]["parent_id"] is None


def test_a_project_that_acts_as_a_domain_is_one(api: Api) -> None:
    made = api.ok("POST", "/projects", {"project": {"name": unique("root"), "is_domain": True}}, 201)["project"]
    assert (made["is_domain"], made["domain_id"], made["parent_id"]) == (True, None, None)
    assert api.ok("GET", f"/domains/{made['id']}")["domain"]["name"] == made["name"]
    assert api.call("DELETE", f"/projects/{made['id']}").status_code == 403
    changed = api.ok("PATCH", f"/projects/{made['id']}", {"project": {"enabled": False}})["project"]
    assert (changed["is_domain"], changed["enabled"]) == (True, False)
    api.ok("DELETE", f"/projects/{made['id']}", status=204)
    assert api.get(f"/domains/{made['id']}").status_code == 404


def test_a_domain_takes_all_that_is_in_it_along(api: Api) -> None:
    domain = api.ok("POST", "/domains", {"domain": {"name": unique("domain")}}, 201)["domain"]["id"]
    inside = {"name": unique("inside"), "domain_id": domain}
    user = api.ok("POST", "/users", {"user": inside}, 201)["user"]["id"]
    group = api.ok("POST", "/groups", {"group": inside}, 201)["group"]["id"]
    project = api.ok("POST", "/projects", {"project": inside}, 201)["project"]["id"]
    below = api.ok("POST", "/projects", {"project": {"name": unique("below"), "parent_id": project}}, 201)["project"]
    assert below["domain_id"] == domain
    api.ok("PUT", f"/projects/{project}/users/{user}/roles/{role_id(api, 'member')}", status=204)
    api.ok("PUT", f"/domains/{domain}/groups/{group}/roles/{role_id(api, 'reader')}", status=204)
    assert api.call("DELETE", f"/domains/{domain}").status_code == 403
    remove(api, "domains", domain)
    for path in (f"/users/{user}", f"/groups/{group}", f"/projects/{project}", f"/projects/{below['id']}"):
        assert api.get(path).status_code == 404
    targets = {str(row["scope"]) for row in api.ok("GET", "/role_assignments")["role_assignments"]}
    assert not any(project in target or domain in target for target in targets)


def test_tags(api: Api, ann: Person) -> None:
    path = f"/projects/{ann.project_id}/tags"
    assert api.ok("PUT", path, {"tags": ["a", "b", "a"]})["tags"] == ["a", "b"]
    assert api.call("PUT", f"{path}/ü c").status_code == 201
    assert api.ok("GET", path)["tags"] == ["a", "b", "ü c"]
    assert (api.get(f"{path}/a").status_code, api.get(f"{path}/z").status_code) == (204, 404)
    api.ok("DELETE", f"{path}/a", status=204)
    for query, found in (("tags=b", True), ("tags=a", False), ("tags-any=a,b", True), ("not-tags=b", False)):
        ids = {row["id"] for row in api.ok("GET", f"/projects?{query}")["projects"]}
        assert (ann.project_id in ids) is found, query
    api.ok("DELETE", path, status=204)
    assert api.ok("GET", path)["tags"] == []
    for tags in (["a,b"], ["a/b"], [""], ["x" * 256], [5], ["a"] * 81):
        assert api.call("PUT", path, {"tags": tags}).status_code == 400


def test_immutable_means_immutable(api: Api) -> None:
    admin_role = role_id(api, "admin")
    assert api.call("DELETE", f"/roles/{admin_role}").status_code == 403
    assert api.call("PATCH", f"/roles/{admin_role}", {"role": {"name": "root"}}).status_code == 403
    body = {"role": {"name": unique("role"), "options": {"immutable": True}}}
    role = api.ok("POST", "/roles", body, 201)["role"]
    assert role["options"] == {"immutable": True}
    assert api.call("DELETE", f"/roles/{role['id']}").status_code == 403
    api.ok("PATCH", f"/roles/{role['id']}", {"role": {"options": {"immutable": None}}})
    api.ok("DELETE", f"/roles/{role['id']}", status=204)


def test_roles_of_a_domain_are_apart(api: Api) -> None:
    name = unique("role")
    common = api.ok("POST", "/roles", {"role": {"name": name}}, 201)["role"]
    local = api.ok("POST", "/roles", {"role": {"name": name, "domain_id": "default"}}, 201)["role"]
    assert (common["domain_id"], local["domain_id"]) == (None, "default")
    assert [row["id"] for row in api.ok("GET", f"/roles?name={name}")["roles"]] == [common["id"]]
    assert [row["id"] for row in api.ok("GET", f"/roles?name={name}&domain_id=default")["roles"]] == [local["id"]]
    for role in (common, local):
        api.ok("DELETE", f"/roles/{role['id']}", status=204)


def test_implied_roles(api: Api) -> None:
    prior, implied = (api.ok("POST", "/roles", {"role": {"name": unique(word)}}, 201)["role"]["id"] for word in "ab")
    path = f"/roles/{prior}/implies/{implied}"
    assert api.get(path).status_code == 404
    rule = api.ok("PUT", path, status=201)["role_inference"]
    assert (rule["prior_role"]["id"], rule["implies"]["id"]) == (prior, implied)
    assert api.ok("GET", path)["role_inference"] == rule
    assert api.call("HEAD", path).status_code == 204
    assert [role["id"] for role in api.ok("GET", f"/roles/{prior}/implies")["role_inference"]["implies"]] == [implied]
    assert prior in {row["prior_role"]["id"] for row in api.ok("GET", "/role_inferences")["role_inferences"]}
    assert api.call("PUT", f"/roles/{prior}/implies/{role_id(api, 'admin')}").status_code == 403
    api.ok("DELETE", path, status=204)
    assert api.call("DELETE", path).status_code == 404
    for role in (prior, implied):
        api.ok("DELETE", f"/roles/{role}", status=204)


@pytest.mark.parametrize("actor", ["users", "groups"])
@pytest.mark.parametrize("target", ["projects", "domains", "system"])
@pytest.mark.parametrize("inherited", [False, True])
def test_grants(api: Api, ann: Person, actor: str, target: str, inherited: bool) -> None:
    if target == "system" and inherited:
        pytest.skip("nothing is below the system")
    group = api.ok("POST", "/groups", {"group": {"name": unique("group")}}, 201)["group"]["id"]
    who = ann.user_id if actor == "users" else group
    where = {"projects": f"projects/{ann.project_id}", "domains": "domains/default", "system": "system"}[target]
    role = role_id(api, "ResellerAdmin")
    if inherited:
        many, one = (
            f"/OS-INHERIT/{where}/{actor}/{who}/roles{part}/inherited_to_projects" for part in ("", f"/{role}")
        )
    else:
        many, one = (f"/{where}/{actor}/{who}/roles{part}" for part in ("", f"/{role}"))
    assert api.get(one).status_code == 404
    for _ in range(2):
        api.ok("PUT", one, status=204)
    assert api.call("HEAD", one).status_code == 204
    assert role in {row["id"] for row in api.ok("GET", many)["roles"]}
    found = api.ok("GET", f"/role_assignments?{actor[:-1]}.id={who}&role.id={role}&include_names")["role_assignments"]
    assert len(found) == 1
    assert found[0]["role"]["name"] == "ResellerAdmin"
    assert found[0][actor[:-1]]["domain"]["name"] == "Default"
    assert (found[0]["scope"].get("OS-INHERIT:inherited_to") == "projects") is inherited
    assert found[0]["links"]["assignment"].endswith(one)
    api.ok("DELETE", one, status=204)
    assert api.call("DELETE", one).status_code == 404
    assert api.call("PUT", one.replace(role, "nothing")).status_code == 404
    assert api.call("PUT", one.replace(who, "nobody")).status_code == 404
    api.ok("DELETE", f"/groups/{group}", status=204)


def test_effective_assignments(api: Api, ann: Person) -> None:
    path = f"/role_assignments?effective&include_names&user.id={ann.user_id}&scope.project.id={ann.project_id}"
    names = {row["role"]["name"] for row in api.ok("GET", path)["role_assignments"]}
    assert names == {"member", "reader"}
    assert api.get("/role_assignments?user.id=a&group.id=b").status_code == 400
    assert api.get("/role_assignments?scope.project.id=a&scope.domain.id=b").status_code == 400


def _catalog_when(api: Api, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The catalog once `holds` is true of it: a replica believes the catalog for a second."""
    give_up = time.monotonic() + 10
    while True:
        catalog = {entry["id"]: entry for entry in api.ok("GET", "/auth/catalog")["catalog"]}
        if holds(catalog):
            return catalog
        assert time.monotonic() < give_up, "the catalog never became what it should be"
        time.sleep(0.05)


def test_regions_services_and_endpoints(api: Api) -> None:
    region = unique("Region")
    made = api.ok("PUT", f"/regions/{region}", {"region": {"description": "x"}}, 201)["region"]
    assert made["parent_region_id"] is None
    assert api.call("PUT", f"/regions/{region}", {"region": {}}).status_code == 409
    assert api.call("POST", "/regions", {"region": {"id": region}}).status_code == 409
    child = api.ok("POST", "/regions", {"region": {"parent_region_id": region}}, 201)["region"]["id"]
    assert [row["id"] for row in api.ok("GET", f"/regions?parent_region_id={region}")["regions"]] == [child]
    assert api.call("PATCH", f"/regions/{region}", {"region": {"parent_region_id": child}}).status_code == 403
    service = api.ok("POST", "/services", {"service": {"type": "testing", "name": "n"}}, 201)["service"]["id"]
    new = {"service_id": service, "interface": "public", "url": "http://x/$(project_id)s", "region_id": region}
    endpoint = api.ok("POST", "/endpoints", {"endpoint": new}, 201)["endpoint"]
    assert endpoint["region"] == endpoint["region_id"] == region
    catalog = _catalog_when(api, lambda catalog: service in catalog and catalog[service]["endpoints"])
    assert "$" not in catalog[service]["endpoints"][0]["url"]
    assert api.call("DELETE", f"/regions/{region}").status_code == 403
    for wrong in ({"interface": "x"}, {"url": "http://$(bogus)s"}, {"region_id": "nowhere"}, {"service_id": "none"}):
        assert api.call("POST", "/endpoints", {"endpoint": new | wrong}).status_code == 400
        assert api.call("PATCH", f"/endpoints/{endpoint['id']}", {"endpoint": wrong}).status_code == 400
    for enabled in ("False", "", 1):
        assert api.call("POST", "/endpoints", {"endpoint": new | {"enabled": enabled}}).status_code == 400
    api.ok("PATCH", f"/services/{service}", {"service": {"enabled": False}})
    _catalog_when(api, lambda catalog: service not in catalog)
    api.ok("DELETE", f"/services/{service}", status=204)
    assert api.get(f"/endpoints/{endpoint['id']}").status_code == 404
    for key in (child, region):
        api.ok("DELETE", f"/regions/{key}", status=204)


def test_the_sdk_finds_its_way(admin: Connection, ann: Person) -> None:
    found = admin.identity.find_user(ann.name, ignore_missing=False)
    assert found.id == ann.user_id
    assert admin.identity.find_user("nobody at all", ignore_missing=True) is None
    assert admin.identity.get_project(ann.project_id).name == ann.name
    assert ann.user_id in {user.id for user in admin.identity.users(limit=3)}
    assert {"admin", "member", "reader"} <= {role.name for role in admin.identity.roles()}
