"""The file: template, style, script, charts and content."""

import html
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from fnn.explorer.blobs import pack


def write_page(
    path: str | Path,
    header: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    *,
    charts: str | None = None,
) -> Path:
    """Write the page and return its path.

    header  plain values: the settings, the names of the metrics, …
    arrays  by name, of float32, uint16 or uint8
    charts  the address of a file with the charts' code; None: the code is in the page

    Raises ImportError without vl-convert (extra "explore").
    """
    layout, packed = pack(arrays)
    about = {"layout": layout, "made_by": f"fnn {version()}"}
    parts = {
        "STYLE": resource("page.css"),
        "CHARTS": chart_code() if charts is None else "",
        "CHARTS_FILE": f'<script src="{html.escape(charts)}"></script>' if charts else "",
        "HEADER": as_script({**header, **about}),
        "PACKED": packed,
        "SCRIPT": resource("page.js"),
    }
    page = re.sub(r"%%(\w+)%%", lambda mark: parts[mark.group(1)], resource("page.html"))
    path = Path(path)
    path.write_text(page, encoding="utf-8")
    return path


@cache
def chart_code() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script; to pack it takes seconds."""
    try:
        import vl_convert
    except ImportError:
        raise ImportError(
            "explore draws with Vega-Lite: pip install vl-convert-python, or fnn[explore]."
        ) from None
    bundle: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub lacks the default
    return bundle.replace("</script", "<\\/script")


def as_script(header: dict[str, Any]) -> str:
    """Return a header as JSON that cannot end the element it stands in: `<` is written \\u003c."""
    return json.dumps(header, allow_nan=False).replace("<", "\\u003c")


def resource(name: str) -> str:
    """Return a file of this package."""
    return files("fnn.explorer").joinpath(name).read_text(encoding="utf-8")


def version() -> str:
    """Return the version of fnn that is installed."""
    try:
        return installed("fnn")
    except PackageNotFoundError:
        return "from a clone"
