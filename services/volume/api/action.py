"""One action on a volume: `POST /volumes/{id}/action` with one key that names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from services.platform.context import Context
from services.platform.faults import BadRequest
from services.platform.microversions import Microversion
from services.volume.api.body import Body
from services.volume.api.parts import ApiParts

B = TypeVar("B", bound=Body)


@dataclass(frozen=True, slots=True)
class Action:
    """What was asked, by whom."""

    volume_id: str
    name: str
    argument: Any
    context: Context
    parts: ApiParts
    version: Microversion
    from_service: bool

    @property
    def request_id(self) -> str:
        return self.context.request.request_id

    def parse(self, kind: type[B]) -> B:
        """The argument as a `kind`. Raises BadRequest."""
        try:
            return kind.model_validate(self.argument)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(str(part) for part in (self.name, *problem["loc"]))
            raise BadRequest(f"Invalid input for field/attribute {where}. {problem['msg']}") from None
