"""Whether a request comes from another service, in its own name or (with `X-Service-Token`) for a user."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from services.platform.authentication import Authenticated
from services.platform.faults import Unauthorized
from services.platform.tokens import TokenValidator

_ROLE = "service"


async def is_service_request(request: Request, context: Authenticated) -> bool:
    """The bearer, or whoever's service token came with the request, has the role `service`."""
    if _ROLE in context.access.roles:
        return True
    token = request.headers.get("x-service-token")
    if not token:
        return False
    validator: TokenValidator = request.app.state.tokens
    try:
        access = validator.cached(token)
        if access is None:
            access = await run_in_threadpool(validator.validate, token)
    except Unauthorized:
        return False
    return _ROLE in access.roles


FromService = Annotated[bool, Depends(is_service_request)]
