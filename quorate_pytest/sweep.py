"""Removes all that a project owns.

Each kind is listed and deleted again and again until its list is empty: what is still being made, attached or deleted
refuses at first, and nothing has to be known of why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openstack.connection import Connection

PATIENCE, POLL, LONGEST_POLL = 60.0, 0.02, 0.5


class LeftOverError(Exception):
    """Something of the project would not go; the message says what."""


@dataclass(frozen=True)
class Kind:
    """One kind of what a project may own: how it is found and deleted."""

    name: str
    found: Callable[[], Iterator[Any]]
    delete: Callable[[Any], object]


def sweep(connection: Connection, project_id: str, user_id: str, patience: float = PATIENCE) -> None:
    """Leave nothing of the project in the connection's region. `connection` is an administrator's in that project."""
    give_up = time.monotonic() + patience
    if connection.endpoint_for("compute"):
        _remove_all(_of_compute(connection.compute, user_id), give_up)
    if connection.endpoint_for("block-storage"):
        _remove_all(_of_volume(connection.block_storage), give_up)
    if connection.endpoint_for("image"):
        _remove_all(_of_image(connection.image, project_id), give_up)
    if connection.endpoint_for("object-store"):
        _remove_all(_of_objects(connection.object_store), give_up)


def _of_compute(compute: Any, user_id: str) -> tuple[Kind, ...]:
    return (
        Kind("server", lambda: compute.servers(details=False), compute.delete_server),
        Kind("keypair", lambda: compute.keypairs(user_id=user_id), partial(compute.delete_keypair, user_id=user_id)),
    )


def _of_volume(volume: Any) -> tuple[Kind, ...]:
    """A volume goes after its snapshots, and not while it is offered to another project."""
    return (
        Kind("volume transfer", volume.transfers, volume.delete_transfer),
        Kind("snapshot", volume.snapshots, volume.delete_snapshot),
        Kind("volume", volume.volumes, volume.delete_volume),
    )


def _of_image(image: Any, project_id: str) -> tuple[Kind, ...]:
    delete = partial(_delete_image, image)
    return (
        Kind("image", lambda: image.images(owner=project_id), delete),
        Kind("hidden image", lambda: image.images(owner=project_id, is_hidden=True), delete),
    )


def _of_objects(objects: Any) -> tuple[Kind, ...]:
    return (Kind("container", objects.containers, partial(_delete_container, objects)),)


def _remove_all(kinds: Iterable[Kind], give_up: float) -> None:
    for kind in kinds:
        _remove(kind, give_up)


def _remove(kind: Kind, give_up: float) -> None:
    from openstack.exceptions import HttpException

    said, pause = "it is still there", POLL
    while left := list(kind.found()):
        if time.monotonic() > give_up:
            raise LeftOverError(f"The {kind.name} {left[0].id} could not be removed: {said}.")
        for each in left:
            try:
                kind.delete(each)
            except HttpException as error:
                said = str(error.details or error)
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_POLL)


def _delete_image(images: Any, image: Any) -> None:
    if image.is_protected:
        images.update_image(image, is_protected=False)
    images.delete_image(image)


def _delete_container(objects: Any, container: Any) -> None:
    from openstack.exceptions import NotFoundException

    for each in list(objects.objects(container)):
        with suppress(NotFoundException):
            objects.delete_object(each, container=container)
    objects.delete_container(container)
