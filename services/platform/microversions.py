"""Microversion negotiation (api-ref "Microversions"): which version a request speaks, echoed in every answer.

`OpenStack-API-Version: compute 2.26` and, for compute, the older `X-OpenStack-Nova-API-Version: 2.26`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.platform.faults import BadRequest, Fault, FaultRenderer, NotAcceptable

_FORM = re.compile(r"^([1-9]\d*)\.([1-9]\d*|0)$")


@dataclass(frozen=True, order=True, slots=True)
class Microversion:
    """`major.minor`, ordered."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Microversion:
        """Raises BadRequest unless `text` is `major.minor`."""
        match = _FORM.match(text)
        if match is None:
            raise BadRequest(f"API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum.")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True)
class MicroversionRange:
    """What a service serves: its name in the header, the older header if it has one, lowest and highest version."""

    service: str
    legacy_header: str | None
    lowest: Microversion
    highest: Microversion

    def negotiate(self, headers: Mapping[str, str]) -> Microversion:
        """The version that a request with `headers` speaks. Raises BadRequest or NotAcceptable."""
        wanted = self._asked_for(headers)
        if wanted is None:
            return self.lowest
        if wanted == "latest":
            return self.highest
        version = Microversion.parse(wanted)
        if not self.lowest <= version <= self.highest:
            raise NotAcceptable(
                f"Version {version} is not supported by the API. "
                f"Minimum is {self.lowest} and maximum is {self.highest}."
            )
        return version

    def _asked_for(self, headers: Mapping[str, str]) -> str | None:
        for entry in headers.get("openstack-api-version", "").split(","):
            words = entry.split()
            if len(words) == 2 and words[0].lower() == self.service:
                return words[1].lower() if words[1].lower() == "latest" else words[1]
        return headers.get(self.legacy_header.lower()) if self.legacy_header else None

    def echo(self, version: Microversion) -> dict[str, str]:
        """The headers that say in the answer which version was spoken."""
        names = ["OpenStack-API-Version", *([self.legacy_header] if self.legacy_header else [])]
        echoed = {"OpenStack-API-Version": f"{self.service} {version}", "Vary": ", ".join(names)}
        if self.legacy_header:
            echoed[self.legacy_header] = str(version)
        return echoed


class MicroversionLayer:
    """Negotiates before the routes see the request, and echoes in every answer, faults included."""

    def __init__(self, app: ASGIApp, *, served: MicroversionRange, render: FaultRenderer) -> None:
        self.app, self.served, self.render = app, served, render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        version = self.served.lowest

        async def send_with_version(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.served.echo(version))
            await send(message)

        try:
            version = self.served.negotiate(Headers(scope=scope))
        except Fault as fault:
            await self.render(fault)(scope, receive, send_with_version)
            return
        scope["state"]["microversion"] = version
        await self.app(scope, receive, send_with_version)


async def spoken_version(request: Request) -> Microversion:
    """The negotiated version, as a dependency."""
    version: Microversion = request.state.microversion
    return version


Version = Annotated[Microversion, Depends(spoken_version)]
