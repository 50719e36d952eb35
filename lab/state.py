"""`var/lab.json`: which lab this checkout runs, and where it was moved so as not to disturb others."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.design import DEFAULT, Design, parse
from lab.errors import BadNameError, LabError
from lab.paths import write_private
from lab.places import lab_name
from lab.topology import ONE, OUTSIDE, TWO, Topology


@dataclass(frozen=True)
class LabState:
    """What the first `up` decided and later commands go by."""

    lab: str
    subnet: str
    port_base: int
    database_proxy: str = "proxysql"
    database_proxy_reason: str = ""
    regions: int = 1
    architecture: str = DEFAULT.name

    @property
    def design(self) -> Design:
        """Its architecture."""
        return parse(self.architecture)

    @property
    def topology(self) -> Topology:
        """The first region's shape."""
        return Topology(self.lab, self.subnet, self.port_base, regions=self.regions, design=self.design)

    @property
    def region_topologies(self) -> tuple[Topology, ...]:
        """The shape of each region."""
        return tuple(self.topology.at(site) for site in (ONE, TWO)[: self.regions])

    def region(self, name: str) -> Topology:
        """The shape of one region: `one`, or `region-one`. Raises BadNameError."""
        site = name.removeprefix("region-")
        if site not in (ONE, TWO)[: self.regions]:
            raise BadNameError(f"There is no region {name!r} in this lab.")
        return self.topology.at(site)

    @property
    def topologies(self) -> tuple[Topology, ...]:
        """The shape of each site."""
        return (*self.region_topologies, *([self.topology.at(OUTSIDE)] if self.regions > 1 else []))


def load(path: Path) -> LabState | None:
    """What was decided, or None before the first `up`."""
    if not path.exists():
        return None
    try:
        return LabState(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise LabError(f"{path} can't be read ({error}); remove it and run `quorate up`.") from error


def save(path: Path, state: LabState) -> None:
    """Keep what was decided."""
    write_private(path, json.dumps(asdict(state), indent=2) + "\n")


def current_lab(state: LabState | None, environment: Mapping[str, str], root: Path) -> str:
    """The lab that a command is about: the one that runs from this checkout, else the one that would."""
    asked = lab_name(environment, root)
    if state is None:
        return asked
    if environment.get("QUORATE_LAB") and asked != state.lab:
        raise BadNameError(
            f"This checkout already holds the lab {state.lab!r}; QUORATE_LAB={asked!r} needs a checkout of its own"
            f" (or `QUORATE_LAB={state.lab} quorate down` first)."
        )
    return state.lab
