"""Whether a server can be moved at all, decided before anything is touched. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from lab.moves.facts import Flavor, Keypair, Room, Server


def problems(server: Server, project_id: str) -> list[str]:
    """What stands in the way on the server's own side, when it is asked for by somebody of this project."""
    found = []
    if server.project_id != project_id:
        found.append(f"{server.name} belongs to project {server.project_id}: move it with a token of that project.")
    if server.status not in ("ACTIVE", "SHUTOFF"):
        found.append(f"{server.name} is {server.status}; it must be ACTIVE or SHUTOFF to be moved.")
    if server.is_locked:
        found.append(f"{server.name} is locked; `openstack server unlock {server.id}` first.")
    if server.volumes and not server.image_id:
        found.append(
            f"{server.name} boots from the volume {server.volumes[0]}; a region's volumes are its own. {_copy(server)}"
        )
    elif server.volumes:
        found.append(
            f"{server.name} has volumes attached ({', '.join(server.volumes)}); a region's volumes are its own. "
            f"Detach them (`openstack server remove volume {server.id} VOLUME`). {_copy(server)}"
        )
    return found


def _copy(server: Server) -> str:
    return (
        f"Copy their data by an image: `openstack image create --volume {server.volumes[0]} NAME`, then, in the other "
        "region, `openstack volume create --image NAME --size SIZE NAME`."
    )


def choose_flavor(wanted: str | None, server: Server, there: Sequence[Flavor], to: str) -> Flavor | str:
    """The flavor of the new server, or what is wrong."""
    name = wanted or server.flavor.name
    found = next((one for one in there if name in (one.name, one.id)), None)
    fitting = sorted((one for one in there if one.holds(server.flavor)), key=lambda one: (one.memory_mb, one.disk_gb))
    hint = f" `--flavor {fitting[0].name}` would fit." if fitting else " None of those there would fit."
    if found is None:
        return f"There is no flavor {name} in {to}.{hint}"
    if found.disk_gb < server.flavor.disk_gb:
        return f"The disk of flavor {name} in {to} has {found.disk_gb} GiB, {server.flavor.disk_gb} are needed.{hint}"
    if wanted is None and not found.holds(server.flavor):
        return f"The flavor {name} is smaller in {to} than here.{hint}"
    return found


def check_keypair(mine: Keypair | None, there: Keypair | None, to: str) -> str:
    """What is wrong with the keypair, if anything. One that is missing there can be made from the one here."""
    if mine is not None and there is not None and mine.fingerprint != there.fingerprint:
        return f"The keypair {mine.name} in {to} is another one than here; rename or remove it there first."
    return ""


def check_room(flavor: Flavor, room: Room, to: str) -> str:
    """What the quota there does not leave room for, if anything."""
    wanted = {
        "instances": (1, room.instances),
        "cores": (flavor.vcpus, room.cores),
        "ram": (flavor.memory_mb, room.memory_mb),
    }
    over = [name for name, (amount, left) in wanted.items() if left is not None and left < amount]
    return f"The quota in {to} leaves too little: {', '.join(over)}." if over else ""
