"""Two replicas as processes: one is killed, or stopped, in the middle of what it does; the other goes on with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from image_fixture import replica as image_replica
from image_fixture import wait_for
from volume_fixture import VolumeReplica, volume_replica

from services.volume.local_store import LocalStore

GIB = 1 << 30
DATA = os.urandom(48 << 20)


@pytest.fixture
def picture(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The address of an image service, and of a raw image in it that takes a while to copy."""
    with image_replica(tmp_path / "images") as running, running.client("member-p") as images:
        made = images.post("/v2/images", json={"name": "i", "disk_format": "raw", "container_format": "bare"}).json()
        headers = {"Content-Type": "application/octet-stream"}
        assert images.put(f"/v2/images/{made['id']}/file", content=DATA, headers=headers).status_code == 204
        yield running.url, made["id"]


@pytest.fixture(autouse=True)
def directories(tmp_path: Path) -> None:
    for name in ("images", "volumes"):
        (tmp_path / name).mkdir()


def create(client: httpx2.Client, **wanted: Any) -> str:
    answer = client.post("/volumes", json={"volume": {"size": 1} | wanted})
    assert answer.status_code == 202, answer.text
    volume_id: str = answer.json()["volume"]["id"]
    return volume_id


def status(client: httpx2.Client, volume_id: str) -> str:
    answer = client.get(f"/volumes/{volume_id}")
    return "gone" if answer.status_code == 404 else str(answer.json()["volume"]["status"])


def is_(client: httpx2.Client, volume_id: str, wanted: str) -> Callable[[], bool]:
    return lambda: status(client, volume_id) == wanted


def begun(store: LocalStore, volume_id: str) -> bool:
    """Whether something of it is in the store, and not yet whole."""
    return any(name.startswith(f"volume-{volume_id}.") for name in store.list())


def only(store: LocalStore, *volume_ids: str) -> Callable[[], bool]:
    return lambda: store.list() == sorted(f"volume-{volume_id}" for volume_id in volume_ids)


def test_a_killed_replicas_work_is_finished_by_the_other(tmp_path: Path, picture: tuple[str, str]) -> None:
    image_url, image_id = picture
    store = LocalStore(tmp_path / "volumes" / "store")
    with (
        volume_replica(tmp_path / "volumes", "v1", image_url) as first,
        volume_replica(tmp_path / "volumes", "v2", image_url) as second,
        first.client() as here,
        second.client() as there,
    ):
        volume_id = create(here, imageRef=image_id)
        wait_for(lambda: begun(store, volume_id), "the copy has begun", 10)
        first.kill()
        wait_for(is_(there, volume_id, "available"), "the other replica makes the volume", 20)
        device = store.open(f"volume-{volume_id}", read_only=True)
        assert device.read(0, len(DATA)) == DATA
        device.close()
        wait_for(only(store, volume_id), "nothing else is left in the store", 10)
        assert there.delete(f"/volumes/{volume_id}").status_code == 202
        wait_for(is_(there, volume_id, "gone"), "it is deleted", 10)
        assert store.list() == []


def test_a_stopped_replica_does_no_harm_when_it_wakes(tmp_path: Path, picture: tuple[str, str]) -> None:
    image_url, image_id = picture
    store = LocalStore(tmp_path / "volumes" / "store")
    with (
        volume_replica(tmp_path / "volumes", "v1", image_url) as first,
        volume_replica(tmp_path / "volumes", "v2", image_url) as second,
        first.client() as here,
        second.client() as there,
    ):
        volume_id = create(here, imageRef=image_id)
        wait_for(lambda: begun(store, volume_id), "the copy has begun", 10)
        first.pause()
        wait_for(is_(there, volume_id, "available"), "the other replica makes the volume", 20)
        device = store.open(f"volume-{volume_id}")
        device.write(0, b"a guest was here")
        first.resume()
        wait_for(is_(here, volume_id, "available"), "the first replica sees it too", 10)
        wait_for(only(store, volume_id), "what the sleeper left is cleared away", 15)
        assert device.read(0, 16) == b"a guest was here"
        device.close()


def test_the_second_execution_of_a_request_finds_the_first(tmp_path: Path) -> None:
    """What the load balancer does when a replica dies before it has answered: the same request, the same key."""
    with (
        volume_replica(tmp_path / "volumes", "v1", "http://127.0.0.1:9") as first,
        volume_replica(tmp_path / "volumes", "v2", "http://127.0.0.1:9") as second,
    ):
        volume_id = _twice(first, second, "/volumes", {"volume": {"size": 1}}, "volume")
        with second.client() as client:
            wait_for(is_(client, volume_id, "available"), "it is made once", 10)
            assert [one["id"] for one in client.get("/volumes").json()["volumes"]] == [volume_id]
            snapshot = _twice(first, second, "/snapshots", {"snapshot": {"volume_id": volume_id}}, "snapshot")
            ready = f"/snapshots/{snapshot}"
            wait_for(lambda: client.get(ready).json()["snapshot"]["status"] == "available", "it is taken once", 10)
            action = f"/volumes/{volume_id}/action"
            _twice(first, second, action, {"os-extend": {"new_size": 2}}, None)
            wait_for(is_(client, volume_id, "available"), "it is extended once", 10)
            assert client.get(f"/volumes/{volume_id}").json()["volume"]["size"] == 2
            key = _twice(
                first, second, "/volume-transfers", {"transfer": {"volume_id": volume_id}}, "transfer", "auth_key"
            )
            (offer,) = client.get("/volume-transfers").json()["transfers"]
            with first.client("q") as taker:
                accept = {"accept": {"auth_key": key}}
                assert taker.post(f"/volume-transfers/{offer['id']}/accept", json=accept).status_code == 202
                assert status(taker, volume_id) == "available"


def _twice(
    first: VolumeReplica, second: VolumeReplica, path: str, body: Any, kind: str | None, field: str = "id"
) -> str:
    """The field of both answers, which must be the same; "" for an action."""
    key = {"X-Request-Key": "5f0c8a52-1d2e-4b53-9a3b-" + os.urandom(6).hex()}
    said = []
    for one in (first, second):
        with one.client() as client:
            answer = client.post(path, json=body, headers=key)
            assert answer.status_code == 202, answer.text
            said.append(answer.json()[kind][field] if kind else "")
    assert said[0] == said[1]
    return str(said[0])
