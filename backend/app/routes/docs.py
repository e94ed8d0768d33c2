"""`/docs` and `/redoc`: the API's description for people. The gateway serves all that these pages load, so they work
without internet.

Addresses are relative to the page, so they are right below a path prefix too.
"""

from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.metadata import version

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

PACKAGE = "fastapi_standalone_docs"
"""Holds Swagger UI and ReDoc, as files, in the versions that the lock file pins."""

router = APIRouter(include_in_schema=False)

_SWAGGER_UI_FILES = StaticFiles(packages=[(PACKAGE, "static/swagger")])
_REDOC_FILES = StaticFiles(packages=[(PACKAGE, "static/redoc")])

# Browsers may keep a file as long as they like: another version has another address.
_VERSION = version(PACKAGE)
_START = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null})'
_SWAGGER_UI = f"""<link rel="stylesheet" href="docs/swagger-ui.css?{_VERSION}">
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js?{_VERSION}"></script>
<script>{_START}</script>"""
_REDOC = f"""<style>body {{ margin: 0 }}</style>
<redoc spec-url="openapi.json"></redoc>
<script src="redoc/redoc.standalone.js?{_VERSION}"></script>"""
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<link rel="icon" href="data:,">
{content}
</html>
"""

# Both pages write styles into the document, Swagger UI has its icons as `data:`, and ReDoc's search is a worker made of
# a `blob:`. "Try it out" sends requests to the gateway, and to nobody else.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"script-src 'self' 'sha256-{b64encode(sha256(_START.encode()).digest()).decode()}'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "worker-src blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


@router.get("/docs")
async def show_swagger_ui(request: Request) -> HTMLResponse:
    """Describe the API, and let the reader try it."""
    return _page(request, _SWAGGER_UI)


@router.get("/docs/{name}")
async def get_swagger_ui_file(name: str, request: Request) -> Response:
    """A file that `/docs` loads."""
    return await _SWAGGER_UI_FILES.get_response(name, request.scope)


@router.get("/redoc")
async def show_redoc(request: Request) -> HTMLResponse:
    """Describe the API, to be read."""
    return _page(request, _REDOC)


@router.get("/redoc/{name}")
async def get_redoc_file(name: str, request: Request) -> Response:
    """A file that `/redoc` loads."""
    return await _REDOC_FILES.get_response(name, request.scope)


def _page(request: Request, content: str) -> HTMLResponse:
    page = _PAGE.format(title=escape(request.app.title), content=content)
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})
