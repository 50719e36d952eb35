"""What the API's endpoints work with, made once in `app.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from services.compute.api.images import Images
from services.compute.other_regions import OtherRegions
from services.compute.sealed import Seal
from services.compute.settings import ComputeSettings
from services.compute.volume_service import VolumeService
from services.platform.calls import Caller
from services.platform.database import Transactor
from services.platform.hints import Hinter


@dataclass(frozen=True, slots=True)
class ApiParts:
    """The process's connections to everything around it."""

    transactor: Transactor
    hints: Hinter
    caller: Caller
    images: Images
    settings: ComputeSettings
    volumes: VolumeService
    other_regions: OtherRegions
    seal: Seal


async def find_parts(request: Request) -> ApiParts:
    parts: ApiParts = request.app.state.parts
    return parts


Parts = Annotated[ApiParts, Depends(find_parts)]
