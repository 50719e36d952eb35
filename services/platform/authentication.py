"""The dependency that gives an endpoint its `Context`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from services.platform.context import Context
from services.platform.faults import Unauthorized
from services.platform.request import RequestKey
from services.platform.tokens import TokenValidator


async def authenticate(request: Request) -> Context:
    """The request's context. Raises Unauthorized where `X-Auth-Token` is missing or not valid."""
    token = request.headers.get("x-auth-token")
    if not token:
        raise Unauthorized
    validator: TokenValidator = request.app.state.tokens
    access = validator.cached(token)
    if access is None:
        access = await run_in_threadpool(validator.validate, token)
    return Context(access=access, request=request.state.request_key, token=token)


async def request_key(request: Request) -> RequestKey:
    """The request's key, for the few endpoints that need no token."""
    key: RequestKey = request.state.request_key
    return key


Authenticated = Annotated[Context, Depends(authenticate)]
Keyed = Annotated[RequestKey, Depends(request_key)]
