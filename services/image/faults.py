"""Faults as Glance answers them: a small HTML page."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse, Response

from services.platform.faults import Fault, FaultRenderer, Unauthorized

_PAGE = """<html>
 <head>
  <title>{title}</title>
 </head>
 <body>
  <h1>{title}</h1>
  {message}<br /><br />



 </body>
</html>"""

_UNAUTHORIZED = (
    "This server could not verify that you are authorized to access the document you requested. Either you supplied "
    "the wrong credentials (e.g., bad password), or your browser does not understand how to supply the credentials "
    "required."
)


def glance_faults(identity_url: str) -> FaultRenderer:
    """A renderer whose 401 sends the client to identity at `identity_url`."""
    challenge = f'Keystone uri="{identity_url.rstrip("/")}/v3"'

    def render(fault: Fault) -> Response:
        headers = dict(fault.headers)
        message = escape(fault.message, quote=False)
        if isinstance(fault, Unauthorized):
            headers["WWW-Authenticate"] = challenge
            message = _UNAUTHORIZED
        page = _PAGE.format(title=f"{fault.status} {fault.title}", message=message)
        return HTMLResponse(page.encode("utf-8", "replace"), status_code=fault.status, headers=headers)

    return render
