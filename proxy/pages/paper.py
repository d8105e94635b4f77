"""A page as it is sent: a template filled in, and the headers that keep it to itself. Shows no text of anybody's request."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi.responses import HTMLResponse, Response

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    # no-referrer would make browsers say "Origin: null" with our own forms, and the origin is what we check
    "referrer-policy": "same-origin",
}


def paper(template: str, status: int = 200, **shown: Any) -> HTMLResponse:
    """A page. Everything that is shown is escaped."""
    written = _templates().get_template(f"{template}.html").render(**shown)
    return HTMLResponse(written, status, headers=HEADERS)


def style() -> Response:
    """The one style sheet."""
    return Response(
        (FOLDER / "style.css").read_text("utf-8"),
        media_type="text/css",
        headers={"cache-control": "max-age=3600", "x-content-type-options": "nosniff"},
    )


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
