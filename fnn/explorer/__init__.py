"""One page of HTML that shows a sweep: it opens without a server and without a network.

A header of plain values and arrays flow in, from `fnn.runs.explored`, and one file flows out.

    blobs   arrays as one compressed text, which a browser unpacks
    page    the file: template, style, script, charts and content

The table, the sliders and the regions are drawn by `page.js`. The charts are Vega-Lite, which
vl-convert packs into the page: 0.9 MB, where Plotly would take 4.8. A further panel begins in
`fnn.runs.explored`, which gives it data, and in `page.js`, which draws it.
"""

from fnn.explorer.page import write_page

__all__ = ["write_page"]
