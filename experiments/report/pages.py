"""claims.json and the pages: an overview, and one for each document. They need no network and no
scripts.
"""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from experiments.course import DOCUMENTS, document_of, ids_of
from experiments.experiment import claims_of, files, header, topics
from experiments.report.records import Record
from experiments.report.store import Kept

WORDS = {"holds": "✓", "fails": "✗", "depends": "~", "undecided": "?"}
MOST_SHOWN = 12  # numbers of a list that a page shows; claims.json has them all


def write(
    out: Path, experiments: Sequence[Kept], records: Sequence[Record], *, quick: bool
) -> Path:
    """Writes claims.json, experiments.md and the pages into a folder, and returns the overview."""
    (out / "claims.json").write_text(
        json.dumps([record._asdict() for record in records], indent=1, allow_nan=False)
    )
    described = {each.name: _described(each, records, quick) for each in experiments}
    templates = Environment(
        loader=PackageLoader("experiments.report"),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"shown": shown, "duration": duration}
    templates.globals |= {
        "documents": DOCUMENTS,
        "words": WORDS,
        "records": {record.id: record for record in records},
        "page_of": {
            record.id: f"{document_of(record.id).page}.html#c{record.id}" for record in records
        },
        "counts": {document.page: counts(records, ids_of(document)) for document in DOCUMENTS},
        "ids_of": ids_of,
        "topics": {topic: [described[name] for name in names] for topic, names in topics().items()},
        "hardware": sorted({hardware(each.environment) for each in experiments}),
        "quick": quick,
        "today": date.today().isoformat(),
    }
    for document in DOCUMENTS:
        figures = first_uses([record for record in records if document_of(record.id) is document])
        page = templates.get_template("document.html").render(document=document, first=figures)
        (out / f"{document.page}.html").write_text(page)
    (out / "experiments.md").write_text(templates.get_template("experiments.md").render())
    (out / "style.css").write_text(templates.get_template("style.css").render())
    overview = out / "index.html"
    overview.write_text(templates.get_template("overview.html").render())
    return overview


def counts(records: Sequence[Record], ids: Sequence[str]) -> Counter[str]:
    """How many of these claims have each verdict."""
    return Counter(record.verdict for record in records if record.id in ids)


def first_uses(records: Sequence[Record]) -> dict[str, str]:
    """Figure -> the first claim that shows it; the others point there."""
    first: dict[str, str] = {}
    for record in records:
        if record.figure is not None:
            first.setdefault(record.figure, record.id)
    return first


def _described(experiment: Kept, records: Sequence[Record], quick: bool) -> dict[str, Any]:
    """What the pages say of an experiment."""
    settled = [record for record in records if record.experiment == experiment.name]
    config = json.loads((experiment.folder / "config.json").read_text())
    return {
        "name": experiment.name,
        "question": header(files()[experiment.name])["Question"],
        "command": f"python -m experiments run {experiment.name}{' --quick' if quick else ''}",
        "claims": [claim.id for claim in claims_of(experiment.module)],
        "result": settled[0].evidence if settled else "",
        "seeds": config.get("seeds", "–"),
        "seconds": experiment.environment["seconds"],
        "hardware": hardware(experiment.environment),
        "folder": f"results/{experiment.folder.name}",
    }


def hardware(environment: dict[str, Any]) -> str:
    """What it was computed on."""
    devices = Counter(environment["devices"])
    listed = ", ".join(
        f"{count} × {device}" if count > 1 else device for device, count in devices.items()
    )
    return f"{listed}; {environment['cores']} cores; jax {environment['versions']['jax']}"


def duration(seconds: float) -> str:
    """4.2 s, 2 min 5 s."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60} min {int(seconds) % 60} s"


def shown(value: Any) -> str:
    """A number, an interval or the beginning of a list as text."""
    if isinstance(value, dict) and value.keys() == {"middle", "low", "high"}:
        return f"{shown(value['middle'])} (95%: {shown(value['low'])} to {shown(value['high'])})"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {shown(each)}" for name, each in value.items())
    if isinstance(value, list):
        more = f", … {len(value)} in all" if len(value) > MOST_SHOWN else ""
        return f"[{', '.join(map(shown, value[:MOST_SHOWN]))}{more}]"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
