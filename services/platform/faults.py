"""The one exception tree that becomes an HTTP answer.

    Fault
    ├── BadRequest        400  the request is malformed; do not retry as it is
    ├── Unauthorized      401  no valid token; authenticate and retry
    ├── Forbidden         403  this token may not do it
    │   └── OverQuota     403  a limit of the project is reached
    ├── NotFound          404
    ├── MethodNotAllowed  405
    ├── NotAcceptable     406  a microversion that is not served
    ├── Conflict          409  the resource's state forbids it
    ├── Gone              410  an API that this microversion no longer has
    ├── TooLarge          413
    ├── UnsupportedMedia  415
    └── Unavailable       503  a part is away just now; a retry is safe

Services raise these; a `FaultRenderer` of the service's own gives them OpenStack's shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from starlette.responses import Response  # processes without HTTP need not load it


class Fault(Exception):
    """An answer other than success. `message` is read by a person and says what to do."""

    status = 500
    title = "Internal Server Error"

    def __init__(self, message: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message or self.title)
        self.message = message or self.title
        self.headers = dict(headers or {})


class BadRequest(Fault):
    status, title = 400, "Bad Request"


class Unauthorized(Fault):
    status, title = 401, "Unauthorized"

    def __init__(self, message: str = "The request you have made requires authentication.") -> None:
        super().__init__(message)


class Forbidden(Fault):
    status, title = 403, "Forbidden"

    def __init__(self, message: str = "You are not authorized to perform the requested action.") -> None:
        super().__init__(message)


class OverQuota(Forbidden):
    pass


class NotFound(Fault):
    status, title = 404, "Not Found"


class MethodNotAllowed(Fault):
    status, title = 405, "Method Not Allowed"


class NotAcceptable(Fault):
    status, title = 406, "Not Acceptable"


class Conflict(Fault):
    status, title = 409, "Conflict"


class Gone(Fault):
    status, title = 410, "Gone"


class TooLarge(Fault):
    status, title = 413, "Request Entity Too Large"


class UnsupportedMedia(Fault):
    status, title = 415, "Unsupported Media Type"


class Unavailable(Fault):
    status, title = 503, "Service Unavailable"

    def __init__(self, message: str = "A part of the service is away just now. Retry in a moment.") -> None:
        super().__init__(message, headers={"Retry-After": "1"})


_BY_STATUS: dict[int, type[Fault]] = {
    kind.status: kind
    for kind in (
        BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed, NotAcceptable, Conflict, Gone, TooLarge,
        UnsupportedMedia, Unavailable,
    )
}  # fmt: skip

#: Gives a fault its service's wire shape.
FaultRenderer: TypeAlias = "Callable[[Fault], Response]"


def fault_for_status(status: int, message: str, headers: Mapping[str, str] | None = None) -> Fault:
    """The fault that stands for a bare HTTP `status`, e.g. one that the router raised."""
    kind = _BY_STATUS.get(status)
    fault = kind(message) if kind else Fault(message)
    fault.status = status
    fault.headers.update(headers or {})
    return fault
