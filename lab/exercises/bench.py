"""What exercises have in hand: the running lab, its engine and database, a client of its cloud, the student's files."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql

from lab import envfile
from lab.containers import LabEngine, put_file, run_in
from lab.design import DEFAULT
from lab.errors import LabError
from lab.exercises.catalogue import GIVEN, WORK, folder
from lab.exercises.model import Exercise
from lab.faults import container_of
from lab.leases.order import opened_lab
from lab.look import look_at
from lab.names import find_part
from lab.paths import CLOUDS_FILE, ENV_FILE, ROOT
from lab.patience import wait_for
from lab.settle import known_routes
from lab.state import LabState
from lab.status_model import RegionStatus
from lab.topology import ONE, Part
from lab.watch.client import Client, administrator

AGAIN = 0.3


@dataclass(frozen=True)
class Bench:
    """The lab as an exercise uses it. `say` tells the student what goes on."""

    state: LabState
    engine: LabEngine
    exercise: Exercise
    say: Callable[[str], None]
    given: Path = GIVEN
    work: Path = WORK

    @property
    def place(self) -> Path:
        """The student's files."""
        return self.work / folder(self.exercise)

    @property
    def material(self) -> Path:
        """The exercise's own files."""
        return self.given / folder(self.exercise)

    def look(self, site: str = ONE) -> RegionStatus:
        """One look at a region."""
        return look_at(site)

    def address(self, part: Part) -> str:
        """A part's address. Raises LabError where this machine has no way to it."""
        topology = self.state.topology.at(part.site)
        if topology.network not in known_routes():
            raise LabError("This exercise talks to the lab's parts, and this machine has no way into their network.")
        return topology.address(part)

    @contextmanager
    def database(self, node: str) -> Iterator[pymysql.connections.Connection[pymysql.cursors.Cursor]]:
        """A connection to one database node as its administrator. Raises pymysql's errors."""
        connection = pymysql.connect(
            host=self.address(find_part(node)),
            user="root",
            password=envfile.read(ENV_FILE)["DB_ROOT_PASSWORD"],
            autocommit=True,
            connect_timeout=3,
            read_timeout=20,
            write_timeout=20,
        )
        with connection:
            yield connection

    def admin(self) -> Client:
        """A client of the first region's cloud, logged in as its administrator."""
        client = Client(administrator(self.state.topology))
        client.log_in(10)
        return client

    def openstack(self, words: str) -> str:
        """What an `openstack` command prints; it must succeed. Raises LabError."""
        return self.command([str(ROOT / ".venv" / "bin" / "openstack"), "--os-cloud", "quorate", *words.split()])

    def command(self, words: list[str], seconds: float = 120, given: str = "") -> str:
        """What a command prints; it must succeed. Raises LabError."""
        environment = {**os.environ, "OS_CLIENT_CONFIG_FILE": str(CLOUDS_FILE), "PYTHONPATH": str(ROOT)}
        try:
            done = subprocess.run(
                words, input=given, capture_output=True, text=True, timeout=seconds, check=False, env=environment
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LabError(f"`{' '.join(words[:3])} …` did not end well: {error}.") from error
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            raise LabError(f"`{' '.join(words)}`: {last}")
        return done.stdout

    def read(self, part: Part, path: str) -> bytes:
        """A file inside a part's container."""
        stream, _ = container_of(self.engine, part).get_archive(path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
            member = archive.extractfile(archive.getmembers()[0])
            assert member is not None
            return member.read()

    def write(self, part: Part, path: str, data: bytes) -> None:
        """Put a file that everybody may read into a part's container."""
        put_file(container_of(self.engine, part), path, data)

    def run_inside(self, part: Part, words: list[str]) -> tuple[int, str]:
        """Exit code and output of a command inside a part's container."""
        return run_in(container_of(self.engine, part), words)

    def restart(self, part: Part) -> None:
        """Stop a part and start it."""
        container_of(self.engine, part).restart(timeout=3)

    def runs(self, part: Part) -> bool:
        """Whether a part's container runs."""
        facts = self.engine.containers().get(part.label)
        return facts is not None and facts.is_running

    def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Whether something holds, or comes to hold in time."""
        return wait_for(holds, seconds, AGAIN)


@contextmanager
def opened(exercise: Exercise, say: Callable[[str], None]) -> Iterator[Bench]:
    """The running lab for one exercise. Raises LabError where there is none, or it is not made for exercises."""
    with opened_lab() as (state, engine):
        if state.design != DEFAULT:
            raise LabError(
                f"This lab is of the design {state.design.name}, and the exercises are about another:"
                " `quorate down`, then `make up`."
            )
        if exercise.regions > state.regions:
            raise LabError(
                f"Exercise {exercise.number} needs {exercise.regions} regions; this lab has {state.regions}."
            )
        yield Bench(state, engine, exercise, say)
