"""`quorate rbd` and `quorate storage` against an embedded cluster: what they print, and how they fail."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from storage.cli import rbd, storage
from storage.cli.address import VARIABLE
from storage.cli.storage_text import status_text, tree_text
from storage.cli.words import parse_size, size, table
from storage.embedded import EmbeddedThread

DEADLINE = 20.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    embedded = EmbeddedThread(tmp_path_factory.mktemp("store"))
    embedded.start()
    yield embedded.url
    embedded.stop()


class Shell:
    """Runs commands as a person would."""

    def __init__(self, url: str) -> None:
        self._environment = {VARIABLE: url}

    def _run(self, words: tuple[str, ...]) -> Result:
        app = {"rbd": rbd.app, "storage": storage.app}[words[0]]
        return CliRunner().invoke(app, list(words[1:]), env=self._environment)

    def __call__(self, *words: str) -> str:
        done = self._run(words)
        assert done.exit_code == 0, done.output
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--format", "json"))

    def fails(self, *words: str) -> str:
        """The one line that it says."""
        done = self._run(words)
        assert done.exit_code == 1, done.output
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("quorate: ")
        return done.stderr


@pytest.fixture
def sh(cluster: str) -> Shell:
    return Shell(cluster)


def until_json(sh: Shell, words: tuple[str, ...], condition: Any) -> Any:
    until = time.monotonic() + DEADLINE
    while not condition(answer := sh.json(*words)):
        assert time.monotonic() < until, answer
    return answer


# -- rbd -------------------------------------------------------------------------------------------------------------


def test_an_image_from_its_making_to_its_end(sh: Shell) -> None:
    assert sh("rbd", "create", "one", "--size", "8") == ""
    info = sh("rbd", "info", "one").splitlines()
    assert info[:3] == ["rbd image 'one':", "\tsize 8 MiB in 2 objects", "\torder 22 (4 MiB objects)"]
    assert "\tsnapshot_count: 0" in info
    image_id = sh.json("rbd", "info", "one")["id"]
    assert f"\tblock_name_prefix: rbd_data.{image_id}" in info
    assert "one" in sh("rbd", "ls").splitlines()
    sh("rbd", "resize", "one", "--size", "12")
    assert sh.json("rbd", "info", "one")["size"] == 12 << 20
    assert "--allow-shrink" in sh.fails("rbd", "resize", "one", "--size", "4")
    sh("rbd", "resize", "one", "--size", "4", "--allow-shrink")
    sh("rbd", "rename", "one", "uno")
    sh("rbd", "rm", "uno")
    assert "there is no image uno" in sh.fails("rbd", "info", "uno")
    assert "uno" not in sh.json("rbd", "ls")


def test_snapshots_and_clones(sh: Shell) -> None:
    sh("rbd", "create", "base", "--size", "4")
    sh("rbd", "snap", "create", "base@s")
    assert sh("rbd", "snap", "ls", "base").splitlines()[0].split() == ["SNAPID", "NAME", "SIZE", "PROTECTED"]
    sh.fails("rbd", "clone", "base@s", "child")
    sh("rbd", "snap", "protect", "base@s")
    (snapshot,) = sh.json("rbd", "snap", "ls", "base")
    assert (snapshot["name"], snapshot["protected"], snapshot["size"]) == ("s", True, 4 << 20)
    sh("rbd", "clone", "base@s", "child")
    assert sh("rbd", "children", "base@s") == "child\n"
    assert "\tparent: base@s" in sh("rbd", "info", "child")
    rows = [line.split() for line in sh("rbd", "ls", "--long").splitlines()]
    assert ["child", "4", "MiB", "base@s"] in rows
    assert ["base@s", "4", "MiB", "yes"] in rows
    sh.fails("rbd", "snap", "unprotect", "base@s")
    sh("rbd", "flatten", "child")
    sh("rbd", "snap", "unprotect", "base@s")
    sh("rbd", "snap", "rollback", "base@s")
    sh.fails("rbd", "rm", "base")
    sh("rbd", "snap", "rm", "base@s")
    for name in ("base", "child"):
        sh("rbd", "rm", name)


def test_bytes_in_and_out(sh: Shell, tmp_path: Path) -> None:
    content = os.urandom(6 << 20)
    (tmp_path / "in").write_bytes(content)
    sh("rbd", "import", str(tmp_path / "in"), "filled")
    sh("rbd", "export", "filled", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == content
    assert "no file" in sh.fails("rbd", "import", str(tmp_path / "none"), "other")
    sh.fails("rbd", "export", "filled", str(tmp_path / "none" / "out"))
    rows = sh.json("rbd", "map-show", "filled")
    assert [len(row["acting"]) for row in rows] == [3, 3]
    assert all(row["primary"] == row["acting"][0] for row in rows)
    assert sh("rbd", "map-show", "filled").splitlines()[0].split() == ["OBJECT", "PG", "ACTING", "PRIMARY"]
    assert sh("rbd", "lock", "ls", "filled") == "nobody holds the lock\n"
    assert sh("rbd", "lock", "break", "filled") == "nobody holds the lock\n"
    said = sh("rbd", "bench", "filled", "--seconds", "0.3", "--io-threads", "4")
    assert "bench type write io_size 4 KiB io_threads 4" in said
    assert "ops/sec" in said
    sh("rbd", "rm", "filled")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("rbd", "create", "x", "--size", "much"), "is no size"),
        (("rbd", "rm", "nothing"), "there is no image nothing"),
        (("rbd", "snap", "rm", "nothing@s"), "there is no image nothing"),
        (("rbd", "bench", "nothing", "--io-type", "dance"), "--io-type"),
        (("storage", "osd", "out", "99"), "osd tree"),
        (("storage", "scrub", "9.9"), "pg ls"),
        (("storage", "pg", "query", "9.9"), "pg ls"),
        (("storage", "pool", "create", "a/b"), "name"),
        (("storage", "pool", "set", "nothing", "size", "2"), "pool ls"),
        (("storage", "blocklist", "add", "somebody"), "client."),
        (("storage", "map-history", "-n", "0"), "count"),
        (("storage", "osd", "purge", "0", "--yes-i-really-mean-it"), "stop it first"),
        (("storage", "pool", "rm", "volumes", "volume", "--yes-i-really-really-mean-it"), "second time"),
    ],
)
def test_one_line_says_what_to_do(sh: Shell, words: tuple[str, ...], sentence: str) -> None:
    assert sentence in sh.fails(*words)


def test_without_a_cluster_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.cli.address.DEADLINE", 0.3)
    assert "no monitor answers at 127.0.0.1:1" in Shell("quorate://127.0.0.1:1/volumes").fails("storage", "status")
    assert "no address of a store" in Shell("nonsense").fails("rbd", "ls")


@pytest.mark.parametrize("words", [["osd", "purge", "0"], ["pool", "rm", "volumes", "volumes"]])
def test_what_destroys_must_be_meant(cluster: str, words: list[str]) -> None:
    done = CliRunner().invoke(storage.app, words, env={VARIABLE: cluster})
    assert done.exit_code == 2
    assert "--yes-i-really" in done.output


# -- storage ---------------------------------------------------------------------------------------------------------


def test_status(sh: Shell) -> None:
    answer = until_json(sh, ("storage", "status"), lambda answer: answer["health"] == "HEALTH_OK")
    assert answer["osds"] == {"total": 3, "up": 3, "in": 3}
    text = sh("storage", "status")
    for line in ("    health: HEALTH_OK", "    osd: 3 osds: 3 up, 3 in", "    pools:   1 pools, 8 pgs"):
        assert line in text


def test_osds(sh: Shell) -> None:
    lines = [line.split() for line in sh("storage", "osd", "tree").splitlines()]
    assert lines[1] == ["3.0", "root", "default"]
    assert ["host", "host1"] in lines
    assert [line[:4] for line in lines if "osd.1" in line] == [["1", "1.0", "osd.1", "up"]]
    assert sh("storage", "osd", "out", "1") == "marked out osd.1\n"
    assert [row["in"] for row in sh.json("storage", "osd", "tree")] == [True, False, True]
    assert "osd.1 up   out" in sh("storage", "osd", "dump")
    sh("storage", "osd", "in", "1")
    sh("storage", "osd", "reweight", "1", "0.5")
    assert sh.json("storage", "osd", "dump")["osds"]["1"]["weight"] == 0.5
    sh("storage", "osd", "reweight", "1", "1.0")
    assert sh("storage", "osd", "df").splitlines()[0].split()[:4] == ["ID", "WEIGHT", "SIZE", "USED"]
    sh("storage", "osd", "down", "1")
    until_json(sh, ("storage", "osd", "tree"), lambda rows: all(row["up"] for row in rows))


def test_pools_and_groups(sh: Shell) -> None:
    sh("storage", "pool", "create", "more", "--size", "2", "--pg-num", "4")
    assert "set pool 'more' min_size to 1" in sh("storage", "pool", "set", "more", "min_size", "1")
    more = next(row for row in sh.json("storage", "pool", "ls") if row["name"] == "more")
    assert (more["size"], more["min_size"], more["pg_num"]) == (2, 1, 4)
    assert "'more' replicated size 2 min_size 1 pg_num 4" in sh("storage", "osd", "dump")
    pgs = [row for row in sh.json("storage", "pg", "ls") if row["pg"].startswith(f"{more['id']}.")]
    assert len(pgs) == 4
    assert json.loads(sh("storage", "pg", "query", pgs[2]["pg"]))["pg"] == pgs[2]["pg"]
    assert "ACTING" in sh("storage", "pg", "ls")
    assert sh("storage", "scrub", pgs[0]["pg"]) == "instructing 1 pgs to scrub\n"
    assert sh("storage", "deep-scrub") == "instructing 12 pgs to deep-scrub\n"
    sh("storage", "pool", "rm", "more", "more", "--yes-i-really-really-mean-it")
    assert [row["name"] for row in sh.json("storage", "pool", "ls")] == ["volumes"]


def test_fences_and_history(sh: Shell) -> None:
    assert sh("storage", "blocklist", "add", "client.x") == "blocklisting client.x\n"
    assert sh("storage", "blocklist", "ls") == "client.x\n"
    assert "blocklist client.x expires 20" in sh("storage", "osd", "dump")
    sh("storage", "blocklist", "rm", "client.x")
    assert sh("storage", "blocklist", "ls") == "nobody is fenced\n"
    newest = json.loads(sh("storage", "map-show"))["epoch"]
    history = sh.json("storage", "map-history", "-n", "2")
    assert [one["epoch"] for one in history] == [newest - 1, newest]
    assert "client.x is not fenced any more" in sh("storage", "map-history").splitlines()[-1]
    whole = sh.json("storage", "map-history", "-n", "500")
    assert whole[0] | {"modified": 0} == {"epoch": 1, "modified": 0, "reason": "a new cluster"}


# -- layout ----------------------------------------------------------------------------------------------------------


def test_a_cluster_in_trouble() -> None:
    text = status_text(
        {
            "fsid": "f", "epoch": 7, "health": "HEALTH_WARN", "checks": {"OSD_DOWN": "1 osds down: osd.2"},
            "monitors": {"a": True, "b": False}, "osds": {"total": 3, "up": 2, "in": 3}, "pools": 1,
            "pgs": {"active+clean": 2, "active+undersized+degraded": 30}, "objects": 5, "bytes": 20480, "degraded": 4,
            "used_bytes": 1 << 30, "total_bytes": 4 << 30,
        }
    )  # fmt: skip
    assert text.splitlines() == [
        "  cluster:",
        "    id:     f",
        "    health: HEALTH_WARN",
        "            1 osds down: osd.2",
        "",
        "  services:",
        "    mon: 1/2 daemons answer: a",
        "    osd: 3 osds: 2 up, 3 in; map epoch 7",
        "",
        "  data:",
        "    pools:   1 pools, 32 pgs",
        "    objects: 5 objects, 20 KiB",
        "    usage:   1 GiB used, 3 GiB / 4 GiB avail",
        "    4 object copies degraded",
        "    pgs:     30   active+undersized+degraded",
        "             2    active+clean",
    ]


def test_a_tree_of_zones() -> None:
    rows = [
        {"osd": number, "zone": zone, "host": f"h{number}", "weight": 1.0, "up": number != 2, "in": True, "pgs": 8,
         "primary": 3}
        for number, zone in ((0, "a"), (1, "a"), (2, "b"))
    ]  # fmt: skip
    names = [line.split()[-1] for line in tree_text(rows).splitlines() if "zone" in line or "host" in line]
    assert names == ["a", "h0", "h1", "b", "h2"]
    assert "down" in next(line for line in tree_text(rows).splitlines() if "osd.2" in line)


@pytest.mark.parametrize(
    ("text", "number"), [("10G", 10 << 30), ("512M", 512 << 20), ("7", 7 << 20), ("4096B", 4096), ("1 TiB", 1 << 40)]
)
def test_sizes(text: str, number: int) -> None:
    assert parse_size(text.replace(" ", "")) == number
    assert parse_size(size(number).replace(" ", "")) == number


def test_tables_align() -> None:
    assert table(("ID", "NAME"), [[1, "a"], [10, "bb"]]) == "ID  NAME\n 1  a\n10  bb"
