"""Image metadata over HTTP, as Glance's clients and as careless clients use it."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from image_fixture import Replica, replica

V21 = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
V20 = {"Content-Type": "application/openstack-images-v2.0-json-patch"}
UUID = "0b9d15bb-7a5c-4c0e-9f0e-0b0a51b2c3d4"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    with replica(tmp_path_factory.mktemp("image")) as running:
        yield running


@pytest.fixture
def member(images: Replica) -> Iterator[httpx2.Client]:
    with images.client("member-p") as client:
        yield client


def create(client: httpx2.Client, **values: Any) -> Any:
    answer = client.post("/v2/images", json=values)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_versions(images: Replica) -> None:
    with httpx2.Client(base_url=images.url) as anybody:
        root, listed = anybody.get("/"), anybody.get("/versions")
    assert (root.status_code, listed.status_code) == (300, 200)
    assert root.json() == listed.json()
    assert root.json()["versions"][0]["links"] == [{"rel": "self", "href": f"{images.url}/v2/"}]


def test_no_token_and_a_bad_one(images: Replica) -> None:
    for token in ("", "bad"):
        with images.client(token) as client:
            answer = client.get("/v2/images")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Keystone uri="http://127.0.0.1:5000/v3"'
        assert answer.headers["Content-Type"].startswith("text/html")


def test_life_of_an_image(member: httpx2.Client) -> None:
    answer = member.post("/v2/images", json={"name": "g", "disk_format": "raw", "container_format": "bare"})
    image = answer.json()
    path = f"/v2/images/{image['id']}"
    assert answer.headers["Location"].endswith(path)
    assert answer.headers["x-openstack-request-id"].startswith("req-")
    assert {name: image[name] for name in ("status", "visibility", "size", "owner", "file", "schema", "tags")} == {
        "status": "queued", "visibility": "shared", "size": None, "owner": "p", "file": f"{path}/file",
        "schema": "/v2/schemas/image", "tags": [],
    }  # fmt: skip
    assert member.get(path).json() == image
    assert member.delete(path).status_code == 204
    assert member.get(path).status_code == member.delete(path).status_code == 404
    assert "No image found with ID" in member.get(path).text


def test_a_name_is_not_an_id(member: httpx2.Client) -> None:
    create(member, name="by-name")
    assert member.get("/v2/images/by-name").status_code == 404
    assert member.get("/v2/images/").status_code == member.delete("/v2/images/").status_code == 404
    assert len(member.get("/v2/images", params={"name": "by-name"}).json()["images"]) == 1
    assert member.get("/v2/images", params={"name": "BY-NAME"}).json()["images"] == []


def test_an_id_of_the_clients_choice(member: httpx2.Client) -> None:
    assert create(member, id=UUID)["id"] == UUID
    assert member.post("/v2/images", json={"id": UUID}).status_code == 409
    member.delete(f"/v2/images/{UUID}")
    assert member.post("/v2/images", json={"id": UUID}).status_code == 409


def test_a_repeated_request_finds_its_own_work(member: httpx2.Client) -> None:
    key = {"X-Request-Key": "6f5ab6a5-1e9c-4ef3-8e44-5d8e0f3f1a11"}
    made = [member.post("/v2/images", json={"name": "once"}, headers=key) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 201]
    assert made[0].json() == made[1].json()
    path = f"/v2/images/{made[0].json()['id']}"
    assert [member.delete(path, headers=key).status_code for _ in range(2)] == [204, 204]
    assert member.delete(path).status_code == 404


def test_a_repeated_change_is_made_once(member: httpx2.Client) -> None:
    path = f"/v2/images/{create(member, colour='red', tags=['t'])['id']}"
    removal = [{"op": "remove", "path": "/colour"}]
    changes: list[tuple[str, str, Any, int]] = [
        ("PATCH", path, removal, 200),
        ("DELETE", f"{path}/tags/t", None, 204),
        ("POST", f"{path}/members", {"member": "q"}, 200),
        ("DELETE", f"{path}/members/q", None, 204),
    ]
    for number, (method, where, body, status) in enumerate(changes):
        headers = {**V21, "X-Request-Key": f"6f5ab6a5-1e9c-4ef3-8e44-5d8e0f3f1a2{number}"}
        again = [member.request(method, where, json=body, headers=headers) for _ in range(2)]
        assert [answer.status_code for answer in again] == [status, status]
        assert again[0].content == again[1].content
    assert member.patch(path, json=removal, headers=V21).status_code == 409


def test_patch_in_both_forms(member: httpx2.Client) -> None:
    path = f"/v2/images/{create(member, name='a', colour='red')['id']}"
    changed = member.patch(
        path, json=[{"replace": "/name", "value": "b"}, {"add": "/size_of", "value": "x"}], headers=V20
    )
    assert (changed.status_code, changed.json()["name"], changed.json()["size_of"]) == (200, "b", "x")
    operations = [
        {"op": "remove", "path": "/colour"},
        {"op": "replace", "path": "/tags", "value": ["t", "s", "t"]},
        {"op": "replace", "path": "/visibility", "value": "community"},
    ]
    changed = member.patch(path, json=operations, headers=V21)
    assert (changed.json()["tags"], changed.json()["visibility"]) == (["s", "t"], "community")
    assert "colour" not in changed.json()
    shown = member.get(path).json()
    assert (shown["tags"], shown["visibility"], shown["name"]) == (["s", "t"], "community", "b")


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ({"op": "replace", "path": "/status", "value": "active"}, 403),
        ({"op": "replace", "path": "/visibility", "value": "public"}, 403),
        ({"op": "replace", "path": "/owner", "value": "other"}, 403),
        ({"op": "add", "path": "/os_glance_x", "value": "y"}, 403),
        ({"op": "remove", "path": "/name"}, 403),
        ({"op": "remove", "path": "/absent"}, 409),
        ({"op": "replace", "path": "/disk_format", "value": "wrong"}, 400),
        ({"op": "replace", "path": "/tags", "value": 5}, 400),
        ({"op": "replace", "path": "/tags", "value": [["x"]]}, 400),
        ({"op": "replace", "path": "/min_ram", "value": 10**30}, 400),
        ({"op": "replace", "path": "/name", "value": "x" * 300}, 400),
        ({"op": "add", "path": "/colour", "value": {}}, 400),
        ({"op": "add", "path": "/a/b/c", "value": "x"}, 400),
    ],
)
def test_patches_that_are_refused_change_nothing(member: httpx2.Client, operation: Any, status: int) -> None:
    image = create(member, name="a")
    path = f"/v2/images/{image['id']}"
    assert (
        member.patch(path, json=[{"op": "replace", "path": "/name", "value": "b"}, operation], headers=V21).status_code
        == status
    )
    assert member.get(path).json() == image


def test_patch_of_another_media_type(member: httpx2.Client) -> None:
    path = f"/v2/images/{create(member)['id']}"
    assert member.patch(path, json=[]).status_code == 415
    assert member.patch(path, content=b"[", headers=V21).status_code == 400
    assert member.patch("/v2/images/none", json=[], headers=V21).status_code == 404


def test_tags(member: httpx2.Client) -> None:
    path = f"/v2/images/{create(member)['id']}"
    for tag in ("a", "A", "a ", "ü 😀"):
        assert member.put(f"{path}/tags/{tag}").status_code == 204
        assert member.put(f"{path}/tags/{tag}").status_code == 204
    assert sorted(member.get(path).json()["tags"]) == sorted(["a", "A", "a ", "ü 😀"])
    assert member.delete(f"{path}/tags/a").status_code == 204
    assert member.delete(f"{path}/tags/a").status_code == 404
    assert member.put(f"{path}/tags/{'x' * 256}").status_code == 400
    assert member.put("/v2/images/none/tags/a").status_code == 404


def test_protected_images_stay(member: httpx2.Client) -> None:
    path = f"/v2/images/{create(member, protected=True)['id']}"
    assert member.delete(path).status_code == 403
    member.patch(path, json=[{"replace": "/protected", "value": False}], headers=V20)
    assert member.delete(path).status_code == 204


def test_readers_and_strangers(images: Replica, member: httpx2.Client) -> None:
    path = f"/v2/images/{create(member, visibility='private')['id']}"
    with images.client("reader-p") as reader, images.client("member-other") as stranger:
        assert reader.get(path).status_code == 200
        assert reader.delete(path).status_code == 403
        assert reader.post("/v2/images", json={}).status_code == 403
        assert stranger.get(path).status_code == stranger.delete(path).status_code == 404
        member.patch(path, json=[{"replace": "/visibility", "value": "community"}], headers=V20)
        assert stranger.get(path).status_code == 200
        assert stranger.delete(path).status_code == 403


def test_sharing(images: Replica, member: httpx2.Client) -> None:
    image = create(member)
    path = f"/v2/images/{image['id']}"
    with images.client("member-q") as other, images.client("member-r") as third:

        def listed(**asked: str) -> bool:
            return image["id"] in [one["id"] for one in other.get("/v2/images", params=asked).json()["images"]]

        assert other.get(path).status_code == 404
        shared = member.post(f"{path}/members", json={"member": "q"})
        assert (shared.status_code, shared.json()["status"], shared.json()["member_id"]) == (200, "pending", "q")
        assert member.post(f"{path}/members", json={"member": "q"}).status_code == 409
        assert other.get(path).status_code == 200
        assert not listed()
        assert listed(visibility="shared", member_status="pending")
        assert member.put(f"{path}/members/q", json={"status": "accepted"}).status_code == 403
        assert other.put(f"{path}/members/q", json={"status": "perhaps"}).status_code == 400
        assert other.put(f"{path}/members/q", json={"status": "accepted"}).status_code == 200
        assert listed()
        assert third.put(f"{path}/members/q", json={"status": "accepted"}).status_code == 404
        assert other.get(f"{path}/members").json()["members"][0]["status"] == "accepted"
        assert other.post(f"{path}/members", json={"member": "r"}).status_code == 403
        assert other.delete(path).status_code == 403
        assert member.delete(f"{path}/members/q").status_code == 204
        assert member.delete(f"{path}/members/q").status_code == 404
        assert other.get(path).status_code == 404
    private = f"/v2/images/{create(member, visibility='private')['id']}"
    assert member.post(f"{private}/members", json={"member": "q"}).status_code == 403
    for body in ({}, {"member": 5}, {"member": ""}, {"member": "x" * 300}):
        assert member.post(f"{path}/members", json=body).status_code == 400


def test_lists(images: Replica) -> None:
    with images.client("member-lists") as client:
        sizes = [
            create(client, name=f"n{n % 3}", min_ram=n, tags=["odd"] if n % 2 else [], kind=f"k{n}") for n in range(7)
        ]
        ids = [image["id"] for image in sizes]

        def listed(**asked: Any) -> list[str]:
            answer = client.get("/v2/images", params=asked)
            assert answer.status_code == 200, answer.text
            return [image["id"] for image in answer.json()["images"]]

        assert listed() == ids[::-1]
        assert listed(sort="created_at:asc") == ids
        assert listed(tag="odd", sort_dir="asc", sort_key="created_at") == ids[1::2]
        assert listed(name="n1", sort="id:asc") == sorted([ids[1], ids[4]])
        assert listed(min_ram="3") == [ids[3]]
        assert listed(kind="k2") == [ids[2]]
        assert listed(**{'ki"nd': "k2"}) == listed(absent="x") == []
        assert sorted(listed(id=f"in:{ids[0]},{ids[5]}")) == sorted([ids[0], ids[5]])
        assert listed(created_at=f"gt:{sizes[-1]['created_at']}", updated_at="lt:2001-01-01T00:00:00Z") == []
        assert listed(visibility="public") == []
        assert listed(limit="0") == []

        walked, address = [], "/v2/images?limit=3&sort=name:asc"
        while address:
            page = client.get(address).json()
            walked += [image["id"] for image in page["images"]]
            assert page["first"] == "/v2/images?limit=3&sort=name%3Aasc"
            address = page.get("next")
        assert len(walked) == len(set(walked)) == 7
        assert walked == listed(sort="name:asc")
        assert client.get("/v2/images", params={"marker": "none"}).status_code == 400


def test_hidden_and_community_images_are_not_in_ordinary_lists(images: Replica) -> None:
    with images.client("member-one") as one, images.client("member-two") as two, images.client("admin-x") as admin:
        hidden = create(one, os_hidden=True)["id"]
        community = create(one, visibility="community")["id"]
        assert one.post("/v2/images", json={"visibility": "public"}).status_code == 403
        public = create(admin, visibility="public")["id"]

        def ids(client: httpx2.Client, **asked: str) -> set[str]:
            return {image["id"] for image in client.get("/v2/images", params=asked).json()["images"]}

        assert hidden not in ids(one)
        assert hidden in ids(one, os_hidden="True")
        assert community in ids(one)
        assert community not in ids(two)
        assert community in ids(two, visibility="community")
        assert community in ids(two, visibility="all")
        assert public in ids(two) & ids(two, visibility="public")


def test_schemas_and_information(member: httpx2.Client) -> None:
    for name in ("image", "images", "member", "members"):
        assert member.get(f"/v2/schemas/{name}").json()["name"] == name
    assert member.get("/v2/info/import").json()["import-methods"]["value"] == ["glance-direct"]
    assert member.get("/v2/info/stores").json()["stores"][0]["id"] == "files"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v2/images", b"", 400),
        ("POST", "/v2/images", b"[]", 400),
        ("POST", "/v2/images", b'{"name": "\\ud800"}', 400),
        ("POST", "/v2/images", b'{"name": "' + b"x" * 200_000 + b'"}', 413),
        ("GET", "/v2/images?limit=-1", b"", 400),
        ("GET", "/v2/images?size_min=99999999999999999999", b"", 400),
        ("GET", "/v2/images?name=%00&x=%ff", b"", 200),
        ("GET", "/v2/images/%00", b"", 404),
        ("GET", "/v2/images/a/b/c/d/e", b"", 404),
        ("GET", "/v2/images/%F0%9F%98%80", b"", 404),
        ("PUT", "/v2/images", b"", 405),
        ("GET", "/v2/schemas/none", b"", 404),
    ],
)
def test_bad_input(member: httpx2.Client, method: str, path: str, body: bytes, status: int) -> None:
    assert member.request(method, path, content=body).status_code == status
