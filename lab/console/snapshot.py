"""What the console knows of the lab at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from lab.leases.lease import Lease
from lab.status_model import LabStatus, PartStatus
from lab.topology import OUTSIDE, label


@dataclass(frozen=True)
class Snapshot:
    """One look: the status, the address where the announced address leads (empty: nobody), the faults in force."""

    status: LabStatus
    anycast: str = ""
    faults: tuple[Lease, ...] = ()

    @property
    def parts(self) -> dict[str, PartStatus]:
        """Every part by its label."""
        found = {
            label(region.site, part.name): part
            for region in self.status.regions
            for role in region.roles
            for part in role.parts
        }
        if self.status.outside is not None:
            found |= {label(OUTSIDE, part.name): part for role in self.status.outside.roles for part in role.parts}
        return found

    @property
    def sites(self) -> tuple[str, ...]:
        """Of its regions."""
        return tuple(region.site for region in self.status.regions)
