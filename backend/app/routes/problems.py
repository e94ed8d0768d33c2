"""`/problems`: what each problem's `type` points to."""

from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.errors import ProblemError

router = APIRouter(include_in_schema=False)

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Problems</title>
<style>
  body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }}
  dt {{ margin-top: 1rem }} dt:target {{ background: #fff3b0 }} span {{ color: #666 }}
</style>
<h1>Problems</h1>
<p>Every refusal and failure is a problem document
(<a href="https://www.rfc-editor.org/rfc/rfc9457">RFC 9457</a>). Switch on its <code>code</code>; show its
<code>detail</code>; quote its <code>request_id</code> when you report it.</p>
<dl>
{}
</dl>
</html>
"""


@router.get("/problems")
async def list_problems() -> HTMLResponse:
    """Explain every problem that the API may answer with."""
    entries = (
        f'<dt id="{kind.code}"><code>{kind.code}</code> <span>{kind.status} {escape(kind.title)}</span></dt>'
        f"<dd>{escape(kind.meaning())}</dd>"
        for kind in ProblemError.kinds()
    )
    return HTMLResponse(_PAGE.format("\n".join(entries)))
