"""HTML pages for members and developers."""

from pathlib import Path
from urllib.parse import parse_qsl

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from jiuwu.platform.money import yuan

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "pages"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
_ENVIRONMENT.filters["yuan"] = yuan


def page(name: str, status: int = 200, **values: object) -> HTMLResponse:
    html = _ENVIRONMENT.get_template(name).render(**values)
    return HTMLResponse(html, status, {"Cache-Control": "no-store"})


async def form(request: Request) -> dict[str, str]:
    """Return the fields of a posted form; empty if it cannot be read."""
    try:
        text = (await request.body()).decode("utf-8")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=50))
    except ValueError:
        return {}
