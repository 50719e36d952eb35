"""The project in the address: it must be the token's own, and may be left out from 3.67 on."""

from __future__ import annotations

from services.platform.authentication import Authenticated
from services.platform.faults import BadRequest, NotFound
from services.platform.microversions import Version


async def check_project(project_id: str, context: Authenticated) -> None:
    """Raises BadRequest for an address of another project, for administrators too."""
    if project_id != context.project_id:
        raise BadRequest("Malformed request url")


async def check_project_may_be_left_out(version: Version) -> None:
    """Raises NotFound before the microversion that knows addresses without a project."""
    if version.minor < 67:
        raise NotFound("The resource could not be found.")
