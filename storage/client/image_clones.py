"""Copy-on-write clones: made of a protected snapshot, flattened, counted.

The parent lists a clone before the clone exists, and forgets it after the clone let go: what the list says too much is
found out by looking at the clone's own header.
"""

from __future__ import annotations

from msgspec.structs import replace

from storage.client import image_lock, image_store
from storage.client.image_creation import create
from storage.client.image_header import Child, Header, Parent, check_size, encode
from storage.client.image_lock import Patience
from storage.client.image_names import resolve
from storage.client.image_open import writing
from storage.client.image_removal import disown, remove
from storage.client.image_view import View
from storage.client.io_context import IoContext
from storage.client.striping import for_each, object_count
from storage.errors import BadRequest, ImageBusy


async def clone(io: IoContext, parent: str, snapshot: str, child: str, size: int | None = None) -> None:
    """Raises ImageNotFound, SnapshotNotFound, BadRequest for a snapshot that is not protected, ImageExists."""
    header = await resolve(io, parent)
    source = header.snapshot(snapshot)
    _require_protected(header, source.id)
    size = source.size if size is None else size
    check_size(size)
    overlap = min(size, source.size)

    async def enlist(child_id: str) -> None:
        def decide(header: Header) -> Header:
            _require_protected(header, source.id)
            return replace(header, children=(*header.children, Child(source.id, child_id)))

        await image_store.update(io, header.id, decide)

    draft = Header(
        id="",
        name=child,
        size=size,
        order=header.order,
        parent=Parent(header.id, source.id),
        overlap=overlap,
        inherited=overlap,
    )
    made = await create(io, draft, enlist)
    if Child(source.id, made.id) not in (await image_store.load(io, header.id)).children:
        # It took so long that it was held for dead.
        await remove(io, child, Patience())
        raise ImageBusy(f"snapshot {snapshot} of image {parent} was unprotected meanwhile")


def _require_protected(header: Header, number: int) -> None:
    snapshot = header.snapshot_by_id(number)
    if not snapshot.protected:
        raise BadRequest(f"snapshot {snapshot.name} of image {header.name} is not protected")


async def flatten(io: IoContext, name: str, patience: Patience) -> None:
    """Copy up all that a clone still has from its parent, and let go. Harmless twice, also at the same time.

    The image may be in use: copying up changes nothing that anybody can see.
    """
    header = await resolve(io, name)
    if header.unfinished is not None:
        async with writing(io, header.id, patience):
            header = await image_store.load(io, header.id)
    if header.parent is None:
        return
    view = await View.of(io, header)
    await for_each(range(object_count(header.overlap, header.object_size)), view.copy_up)

    def decide(header: Header) -> Header:
        snapshots = tuple(replace(one, overlap=0) for one in header.snapshots)
        return replace(header, parent=None, overlap=0, snapshots=snapshots)

    await image_store.update(io, header.id, decide)
    await image_lock.tell(io, header.id, patience)
    await disown(io, header.parent.image, Child(header.parent.snapshot, header.id))


async def children(io: IoContext, name: str, snapshot: str) -> list[str]:
    """The names of all clones of a snapshot, sorted."""
    header = await resolve(io, name)
    number = header.snapshot(snapshot).id
    found = [await image_store.find(io, child.image) for child in header.children if child.snapshot == number]
    return sorted(one.name for one in found if one is not None and _reads(one, Parent(header.id, number)))


def _reads(header: Header, parent: Parent) -> bool:
    return header.state != "removing" and header.parent == parent


async def unprotect(io: IoContext, name: str, snapshot: str) -> None:
    """Raises ImageBusy while there are clones. Harmless twice."""
    header = await resolve(io, name)
    number = header.snapshot(snapshot).id
    for child in header.children:
        if child.snapshot == number:
            await _strike_off(io, header, child)

    def decide(header: Header) -> Header:
        if any(child.snapshot == number for child in header.children):
            raise ImageBusy(f"snapshot {snapshot} of image {name} has clones")
        return header.with_snapshot(replace(header.snapshot_by_id(number), protected=False))

    await image_store.update(io, header.id, decide)


async def _strike_off(io: IoContext, header: Header, child: Child) -> None:
    """Forget a clone that let go, or that its maker's death left unmade. Raises ImageBusy where it is there."""
    poison = Header(id=child.image, name="", size=0, state="removing")
    # If it is still being made, its maker finds the header taken, or itself off the list.
    await image_store.exclusively(io, image_store.header_object(poison.id), encode(poison), 0)
    clone = await image_store.find(io, child.image)
    if clone is not None and _reads(clone, Parent(header.id, child.snapshot)):
        raise ImageBusy(f"image {clone.name} is a clone of a snapshot of image {header.name}")
    await disown(io, header.id, child)
    if clone == poison:
        await image_store.remove(io, child.image)
