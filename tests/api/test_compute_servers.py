"""Servers through an unmodified client: what was accepted becomes ACTIVE, what cannot run says why."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from conftest import Cloud, Raw
from openstack.connection import Connection
from openstack.exceptions import BadRequestException, ConflictException, ForbiddenException, ResourceFailure


def create(connection: Connection, image: str, **more: Any) -> Any:
    name = f"vm-{uuid.uuid4().hex[:8]}"
    flavor = more.pop("flavor_id", None) or connection.compute.find_flavor("m1.nano", ignore_missing=False).id
    wanted = {"name": name, "image_id": image, "flavor_id": flavor, "networks": "none"} | more
    return connection.compute.create_server(**wanted)


def create_active(connection: Connection, image: str, **more: Any) -> Any:
    return connection.compute.wait_for_server(create(connection, image, **more), wait=30, interval=0.1)


def wait_for(connection: Connection, server: Any, status: str) -> Any:
    # Asked for anew: the SDK believes the status that it has seen last.
    return connection.compute.wait_for_server(connection.compute.get_server(server.id), status, wait=30, interval=0.1)


def test_the_life_of_a_server(admin: Connection, image: str) -> None:
    server = create_active(admin, image)
    assert (server.status, server.vm_state, server.task_state, server.power_state) == ("ACTIVE", "active", None, 1)
    assert server.compute_host
    admin.compute.stop_server(server)
    assert wait_for(admin, server, "SHUTOFF").power_state == 4
    admin.compute.start_server(server)
    wait_for(admin, server, "ACTIVE")
    admin.compute.reboot_server(server, "HARD")
    wait_for(admin, server, "ACTIVE")
    output = admin.compute.get_server_console_output(server)
    assert "3 boots" in output["output"]
    actions = [action.action for action in admin.compute.server_actions(server)]
    assert sorted(actions) == ["create", "reboot", "start", "stop"]
    admin.compute.delete_server(server)
    admin.compute.wait_for_delete(server, wait=30, interval=0.1)
    assert admin.compute.find_server(server.id) is None


def test_twenty_at_once_are_twenty(cloud: Cloud, image: str) -> None:
    user = cloud.new_user()
    first = create(user, image, min_count=20, max_count=20)
    wait_for(user, first, "ACTIVE")
    servers = []
    for found in user.compute.servers():
        servers.append(wait_for(user, found, "ACTIVE"))
    assert sorted(server.name for server in servers) == sorted(f"{first.name}-{n}" for n in range(1, 21))


def test_a_repeated_request_makes_one_server(cloud: Cloud, image: str) -> None:
    user = cloud.new_user()
    raw = Raw(cloud.url_of("compute"), user.auth_token)
    flavor = user.compute.find_flavor("m1.nano", ignore_missing=False).id
    body = {"server": {"name": "once", "imageRef": image, "flavorRef": flavor, "max_count": 3}}
    key = {"X-Request-Key": str(uuid.uuid4())}
    answers = [raw("POST", "/v2.1/servers", body, headers=key) for _ in range(3)]
    if answers[0].headers["x-openstack-request-id"] != f"req-{key['X-Request-Key']}":
        pytest.skip("a load balancer is in front, which draws the keys itself")
    assert {answer.status for answer in answers} == {202}
    assert len({json.loads(answer.data)["server"]["id"] for answer in answers}) == 1
    assert len(list(user.compute.servers())) == 3


def test_a_repeated_change_does_not_undo_what_came_after_it(cloud: Cloud, image: str) -> None:
    user = cloud.new_user()
    raw = Raw(cloud.url_of("compute"), user.auth_token)
    path = f"/v2.1/servers/{create_active(user, image).id}/metadata/turn"
    key = {"X-Request-Key": str(uuid.uuid4())}
    first = raw("PUT", path, {"meta": {"turn": "1"}}, headers=key)
    if first.headers["x-openstack-request-id"] != f"req-{key['X-Request-Key']}":
        pytest.skip("a load balancer is in front, which draws the keys itself")
    assert raw("PUT", path, {"meta": {"turn": "2"}}).status == 200
    again = raw("PUT", path, {"meta": {"turn": "1"}}, headers=key)
    assert (again.status, json.loads(again.data)) == (200, {"meta": {"turn": "1"}})
    assert json.loads(raw("GET", path).data) == {"meta": {"turn": "2"}}


def test_no_valid_host_is_an_error_that_says_which_filter_removed_how_many(admin: Connection, image: str) -> None:
    flavor = admin.compute.create_flavor(name=f"huge-{uuid.uuid4().hex[:6]}", ram=1_000_000, vcpus=1, disk=1)
    server = create(admin, image, flavor_id=flavor.id)
    with pytest.raises(ResourceFailure):
        wait_for(admin, server, "ACTIVE")
    fault = admin.compute.get_server(server.id).fault
    assert "3 hosts were considered" in fault["message"]
    assert "ResourceFilter removed 3" in fault["message"]
    admin.compute.delete_server(server)


def test_flavors_go_to_the_aggregates_that_match(admin: Connection, image: str) -> None:
    name = uuid.uuid4().hex[:6]
    aggregate = admin.compute.create_aggregate(name=f"fast-{name}")
    admin.compute.set_aggregate_metadata(aggregate, {f"kind{name}": "fast"})
    admin.compute.add_host_to_aggregate(aggregate, "compute2")
    flavor = admin.compute.create_flavor(name=f"fast-{name}", ram=64, vcpus=1, disk=1)
    admin.compute.create_flavor_extra_specs(flavor, {f"kind{name}": "fast"})
    hosts = {create_active(admin, image, flavor_id=flavor.id).compute_host for _ in range(3)}
    assert hosts == {"compute2"}
    admin.compute.remove_host_from_aggregate(aggregate, "compute2")
    admin.compute.delete_aggregate(aggregate)


def test_a_host_is_in_one_zone_only(admin: Connection, image: str) -> None:
    name = uuid.uuid4().hex[:6]
    east = admin.compute.create_aggregate(name=f"east-{name}", availability_zone=f"east-{name}")
    west = admin.compute.create_aggregate(name=f"west-{name}", availability_zone=f"west-{name}")
    plain = admin.compute.create_aggregate(name=f"plain-{name}")
    admin.compute.add_host_to_aggregate(east, "compute3")
    admin.compute.add_host_to_aggregate(plain, "compute3")
    with pytest.raises(ConflictException, match=f"compute3 is in availability zone east-{name}"):
        admin.compute.add_host_to_aggregate(west, "compute3")
    with pytest.raises(ConflictException, match="one zone only"):
        admin.compute.set_aggregate_metadata(plain, {"availability_zone": f"west-{name}"})
    zones = {zone.name for zone in admin.compute.availability_zones()}
    assert {f"east-{name}", "nova"} <= zones
    assert f"west-{name}" not in zones
    server = create_active(admin, image, availability_zone=f"east-{name}")
    assert (server.compute_host, server.availability_zone) == ("compute3", f"east-{name}")
    with pytest.raises(ConflictException, match="asked for availability zone"):
        admin.compute.remove_host_from_aggregate(east, "compute3")
    with pytest.raises(BadRequestException, match="not available"):
        create(admin, image, availability_zone="nowhere")
    admin.compute.delete_server(server)
    admin.compute.wait_for_delete(server, wait=30, interval=0.1)
    for aggregate in (east, plain):
        admin.compute.remove_host_from_aggregate(aggregate, "compute3")
    for aggregate in (east, west, plain):
        admin.compute.delete_aggregate(aggregate)


def test_disabled_hosts_get_nothing_new(admin: Connection, image: str) -> None:
    services = {s.host: s for s in admin.compute.services(binary="nova-compute")}
    admin.compute.disable_service(services["compute1"], disabled_reason="maintenance")
    try:
        assert "compute1" not in {create_active(admin, image).compute_host for _ in range(4)}
    finally:
        admin.compute.enable_service(services["compute1"])


def test_quotas_hold_also_for_requests_at_once(cloud: Cloud, admin: Connection, image: str) -> None:
    user = cloud.new_user()
    admin.compute.update_quota_set(user.current_project_id, instances=5)
    create(user, image, min_count=4, max_count=4)
    with pytest.raises(ForbiddenException, match="Quota exceeded for instances"):
        create(user, image, min_count=2, max_count=2)
    create(user, image)
    assert len(list(user.compute.servers(details=False))) == 5


def test_other_projects_servers_do_not_exist(cloud: Cloud, image: str) -> None:
    mine, other = cloud.new_user(), cloud.new_user()
    server = create(mine, image)
    raw = Raw(cloud.url_of("compute"), other.auth_token)
    assert raw("GET", f"/v2.1/servers/{server.id}").status == 404
    assert raw("DELETE", f"/v2.1/servers/{server.id}").status == 404
    assert raw("POST", f"/v2.1/servers/{server.id}/action", {"os-stop": None}).status == 404
    assert list(other.compute.servers()) == []
    assert raw("GET", "/v2.1/servers/detail?all_tenants=True").status == 403


def test_a_reader_only_reads(cloud: Cloud, image: str) -> None:
    reader = cloud.new_user("reader")
    with pytest.raises(ForbiddenException):
        create(reader, image)
    assert list(reader.compute.servers()) == []


def test_pages_of_servers(cloud: Cloud, image: str) -> None:
    user = cloud.new_user()
    create(user, image, min_count=5, max_count=5)
    raw = Raw(cloud.url_of("compute"), user.auth_token)
    page = json.loads(raw("GET", "/v2.1/servers?limit=2").data)
    names = [server["name"] for server in page["servers"]]
    while "servers_links" in page:
        link = page["servers_links"][0]["href"]
        page = json.loads(raw("GET", "/" + link.split("/", 3)[3]).data)
        names += [server["name"] for server in page["servers"]]
    assert len(names) == len(set(names)) == 5
    assert raw("GET", "/v2.1/servers?limit=-1").status == 400
    assert raw("GET", f"/v2.1/servers?marker={uuid.uuid4()}").status == 400


def test_actions_in_the_wrong_state_are_refused(admin: Connection, image: str) -> None:
    server = create_active(admin, image)
    with pytest.raises(ConflictException, match="Cannot 'start' instance"):
        admin.compute.start_server(server)
    admin.compute.delete_server(server)
