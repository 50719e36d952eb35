"""`quorate rbd …`: images, as the `rbd` command shows and changes them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from storage.cli.address import AsFormat, Format, images, one_line, store_url, with_cluster
from storage.cli.bench import bench as run_bench
from storage.cli.words import parse_size, size, table
from storage.client.block_store import ImageInfo
from storage.client.cluster import Cluster
from storage.client.open import StoreAddress
from storage.errors import StorageError

app = typer.Typer(no_args_is_help=True, help="Block devices of the store, as the `rbd` command shows them.")
snap, lock = typer.Typer(no_args_is_help=True, help="Snapshots."), typer.Typer(no_args_is_help=True, help="Locks.")
app.add_typer(snap, name="snap")
app.add_typer(lock, name="lock")
Image = Annotated[str, typer.Argument(help="The image's name.")]
Spec = Annotated[str, typer.Argument(help="image@snapshot")]
Size = Annotated[str, typer.Option("--size", "-s", help="10G, 512M, 4096B; a plain number is mebibytes.")]


def _split(spec: str) -> tuple[str, str]:
    image, at, snapshot = spec.partition("@")
    if not at or not image or not snapshot:
        raise typer.BadParameter(f"{spec!r} names no snapshot: write image@snapshot")
    return image, snapshot


@app.command("ls")
def ls(
    long: Annotated[bool, typer.Option("--long", "-l", help="Sizes, parents and snapshots, too.")] = False,
    form: AsFormat = Format.PLAIN,
) -> None:
    """All images of the pool."""
    with images() as store:
        names = store.list()
        found = [store.info(name) for name in names] if long else []
    if form is Format.JSON:
        print(json.dumps([asdict(one) for one in found] if long else names, indent=2))
    elif long:
        print(images_text(found))
    else:
        print("\n".join(names))


def images_text(found: list[ImageInfo]) -> str:
    """As `rbd ls -l` lays it out."""
    rows: list[list[object]] = []
    for info in found:
        parent = f"{info.parent.image}@{info.parent.snapshot}" if info.parent else ""
        rows.append([info.name, size(info.size), parent, "", "excl" if info.lock_owner else ""])
        rows += [
            [f"{info.name}@{one.name}", size(one.size), parent, "yes" if one.protected else "", ""]
            for one in info.snapshots
        ]
    return table(("NAME", "SIZE", "PARENT", "PROT", "LOCK"), rows)


@app.command()
def info(image: Image, form: AsFormat = Format.PLAIN) -> None:
    """An image's size, snapshots, parent and lock."""
    with images() as store:
        found = store.info(image)
    if form is Format.JSON:
        print(json.dumps(asdict(found), indent=2))
    else:
        print(info_text(found))


def info_text(found: ImageInfo) -> str:
    """As `rbd info` lays it out."""
    objects = -(-found.size // found.object_size)
    lines = [f"rbd image '{found.name}':", f"\tsize {size(found.size)} in {objects} objects"]
    lines += [f"\torder {found.object_size.bit_length() - 1} ({size(found.object_size)} objects)"]
    lines += [
        f"\tsnapshot_count: {len(found.snapshots)}",
        f"\tid: {found.id}",
        f"\tblock_name_prefix: rbd_data.{found.id}",
    ]
    lines += ["\tfeatures: layering, exclusive-lock"]
    if found.parent:
        lines += [f"\tparent: {found.parent.image}@{found.parent.snapshot}", f"\toverlap: {size(found.parent.overlap)}"]
    if found.lock_owner:
        lines += [f"\tlocked by: {found.lock_owner}"]
    return "\n".join(lines)


@app.command()
def create(image: Image, size: Size) -> None:
    """Make an image."""
    with images() as store:
        store.create(image, parse_size(size))


@app.command()
def rm(image: Image) -> None:
    """Remove an image."""
    with images() as store:
        store.remove(image)


@app.command()
def rename(image: Image, name: str) -> None:
    """Give an image another name."""
    with images() as store:
        store.rename(image, name)


@app.command()
def resize(image: Image, size: Size, shrink: Annotated[bool, typer.Option("--allow-shrink")] = False) -> None:
    """Grow an image, or shrink it."""
    with images() as store:
        wanted = parse_size(size)
        if wanted < store.info(image).size and not shrink:
            raise StorageError("what is cut off would be lost: add --allow-shrink")
        store.resize(image, wanted)


@snap.command("ls")
def snap_ls(image: Image, form: AsFormat = Format.PLAIN) -> None:
    """The snapshots of an image."""
    with images() as store:
        found = store.info(image).snapshots
    if form is Format.JSON:
        print(json.dumps([asdict(one) for one in found], indent=2))
        return
    rows = [[one.id, one.name, size(one.size), "yes" if one.protected else ""] for one in found]
    print(table(("SNAPID", "NAME", "SIZE", "PROTECTED"), rows))


@snap.command("create")
def snap_create(spec: Spec) -> None:
    """Take a snapshot."""
    with images() as store:
        store.create_snapshot(*_split(spec))


@snap.command("rm")
def snap_rm(spec: Spec) -> None:
    """Remove a snapshot."""
    with images() as store:
        store.remove_snapshot(*_split(spec))


@snap.command("protect")
def snap_protect(spec: Spec) -> None:
    """Keep a snapshot from being removed, so that it can be cloned."""
    with images() as store:
        store.protect(*_split(spec))


@snap.command("unprotect")
def snap_unprotect(spec: Spec) -> None:
    """Let a snapshot be removed again."""
    with images() as store:
        store.unprotect(*_split(spec))


@snap.command("rollback")
def snap_rollback(spec: Spec) -> None:
    """Set an image back to what it was."""
    with images() as store:
        store.rollback(*_split(spec))


@app.command()
def clone(spec: Spec, child: str) -> None:
    """Make a copy-on-write image of a protected snapshot."""
    with images() as store:
        store.clone(*_split(spec), child)


@app.command()
def children(spec: Spec) -> None:
    """The clones of a snapshot."""
    with images() as store:
        print("\n".join(store.children(*_split(spec))))


@app.command()
def flatten(image: Image) -> None:
    """Make a clone independent of its parent."""
    with images() as store:
        store.flatten(image)


@app.command("export")
def export(spec: Annotated[str, typer.Argument(help="image or image@snapshot")], path: Path) -> None:
    """Write an image to a sparse file."""
    image, _, snapshot = spec.partition("@")
    with images() as store:
        store.export(image, path, snapshot or None)


@app.command("import")
def import_(path: Path, image: Image) -> None:
    """Make an image of a file."""
    with images() as store:
        if not path.is_file():
            raise StorageError(f"there is no file {path}")
        store.import_(path, image)


@lock.command("ls")
def lock_ls(image: Image) -> None:
    """Who writes to an image."""
    with images() as store:
        print(store.info(image).lock_owner or "nobody holds the lock")


@lock.command("break")
def lock_break(image: Image) -> None:
    """Fence whoever has the lock, and take it away."""
    with images() as store:
        owner = store.break_lock(image)
        print(f"{owner} is fenced; its lock is free" if owner else "nobody holds the lock")


@app.command()
def bench(
    image: Image,
    io_type: Annotated[str, typer.Option(help="write, read, readwrite")] = "write",
    io_size: Annotated[str, typer.Option(help="Bytes of an operation: 4K, 1M.")] = "4K",
    io_threads: Annotated[int, typer.Option(help="Operations at once.")] = 16,
    io_pattern: Annotated[str, typer.Option(help="rand or seq")] = "rand",
    seconds: Annotated[float, typer.Option(help="How long.")] = 10.0,
) -> None:
    """Write or read an image's blocks as fast as it goes. What is in the image is overwritten."""
    with one_line():
        address = StoreAddress.parse(store_url())
        result = run_bench(address, image, io_type, parse_size(io_size), io_threads, io_pattern == "rand", seconds)
        print(result.text())


@app.command("map-show")
def map_show(image: Image, form: AsFormat = Format.PLAIN) -> None:
    """Which placement groups and OSDs an image's objects are on."""
    with images() as store:
        found = store.info(image)
    pool_name = StoreAddress.parse(store_url()).pool

    async def look(cluster: Cluster) -> list[dict[str, Any]]:
        number = cluster.map.pool_named(pool_name)
        assert number is not None, "the images were just listed"
        rows = []
        for index in range(-(-found.size // found.object_size)):
            name = f"rbd_data.{found.id}.{index:016x}"
            pg = cluster.map.pg_of(number, name)
            interval = cluster.map.interval(pg)
            rows.append({"object": name, "pg": str(pg), "acting": list(interval.acting), "primary": interval.primary})
        return rows

    rows = with_cluster(look)
    lines = [[row["object"], row["pg"], row["acting"], f"osd.{row['primary']}"] for row in rows]
    print(json.dumps(rows, indent=2) if form is Format.JSON else table(("OBJECT", "PG", "ACTING", "PRIMARY"), lines))
