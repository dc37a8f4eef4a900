"""The pages of the report, and claims.json.

There is an overview, and a page for each document. They need no network and no scripts.
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
from experiments.report.code import code_of, colors
from experiments.report.dark import dark_file
from experiments.report.mathematics import mathematics
from experiments.report.recorded import changes, recorded
from experiments.report.records import Record
from experiments.report.store import Kept

WORDS = {"holds": "✓", "fails": "✗", "depends": "~", "undecided": "?"}
MOST_SHOWN = 12  # numbers of a list that a page shows; claims.json has them all


def write(
    out: Path, experiments: Sequence[Kept], records: Sequence[Record], *, quick: bool
) -> Path:
    """Write claims.json, experiments.md and the pages into a folder.

    quick  whether the results are those of small versions

    Returns the path of the overview.
    """
    content = {
        "header": header_of(experiments, records, quick=quick),
        "claims": [record._asdict() for record in records],
    }
    (out / "claims.json").write_text(json.dumps(content, indent=1, allow_nan=False))
    templates = _templates()
    templates.globals |= _constants(experiments, records, quick)
    document_page = templates.get_template("document.html")
    for document in DOCUMENTS:
        own = [record for record in records if document_of(record.id) is document]
        page = document_page.render(document=document, first=first_uses(own))
        (out / f"{document.page}.html").write_text(page)
    (out / "experiments.md").write_text(templates.get_template("experiments.md").render())
    (out / "style.css").write_text(templates.get_template("style.css").render() + colors())
    overview = out / "index.html"
    overview.write_text(templates.get_template("overview.html").render())
    return overview


def header_of(
    experiments: Sequence[Kept], records: Sequence[Record], *, quick: bool
) -> dict[str, Any]:
    """Return what claims.json says of itself: what was run, when, with which versions and seeds."""
    return {
        "made_by": "python -m experiments report" + (" --quick" if quick else ""),
        "quick": quick,
        "date": date.today().isoformat(),
        "verdicts": dict(Counter(record.verdict for record in records)),
        "numbers_that_are_not_finite": "the texts nan, inf and -inf",
        "experiments": {each.name: _provenance(each) for each in experiments},
    }


def _provenance(experiment: Kept) -> dict[str, Any]:
    """Return when and on what an experiment was run, with how many seeds, and its options."""
    options = _config(experiment)
    options.pop("out", None)
    environment = experiment.environment
    names = ("date", "versions", "devices", "cores", "seconds")
    return {
        "seeds": options.get("seeds"),
        "options": options,
        **{name: environment[name] for name in names},
    }


def _config(experiment: Kept) -> dict[str, Any]:
    return json.loads((experiment.folder / "config.json").read_text())


def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("experiments.report"),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "dark": dark_file,
        "duration": duration,
        "mathematics": mathematics,
        "shown": shown,
    }
    return templates


def _constants(
    experiments: Sequence[Kept], records: Sequence[Record], quick: bool
) -> dict[str, Any]:
    """Return the values that all templates can read."""
    page_of = {record.id: document_of(record.id).page for record in records}
    described = {each.name: _described(each, records, quick) for each in experiments}
    described_topics = {}
    for topic, names in topics().items():
        described_topics[topic] = [described[name] for name in names]
    return {
        "documents": DOCUMENTS,
        "words": WORDS,
        "records": {record.id: record for record in records},
        "page_of": {id: f"{page}.html#c{id}" for id, page in page_of.items()},
        "codes": _codes(experiments),
        "changes": changes(records),
        "recorded": recorded(),
        "counts": {document.page: counts(records, ids_of(document)) for document in DOCUMENTS},
        "ids_of": ids_of,
        "topics": described_topics,
        "hardware": sorted({hardware(each.environment) for each in experiments}),
        "quick": quick,
        "today": date.today().isoformat(),
    }


def _codes(experiments: Sequence[Kept]) -> dict[str, Any]:
    """Return the id of each claim -> the lines that compute it, as HTML."""
    codes = {}
    for experiment in experiments:
        for claim in claims_of(experiment.name):
            codes[claim.id] = code_of(experiment.module, claim.code)
    return codes


def counts(records: Sequence[Record], ids: Sequence[str]) -> Counter[str]:
    """Count the verdicts on these claims."""
    return Counter(record.verdict for record in records if record.id in ids)


def first_uses(records: Sequence[Record]) -> dict[str, str]:
    """Return each figure -> the first claim that shows it. The other claims point there."""
    first: dict[str, str] = {}
    for record in records:
        if record.figure is not None:
            first.setdefault(record.figure, record.id)
    return first


def _described(experiment: Kept, records: Sequence[Record], quick: bool) -> dict[str, Any]:
    """Return the values that the pages show of an experiment."""
    settled = [record for record in records if record.experiment == experiment.name]
    config = _config(experiment)
    fields = header(files()[experiment.name])
    command = f"python -m experiments run {experiment.name}"
    return {
        "name": experiment.name,
        "question": fields["Question"],
        "command": f"{command} --quick" if quick else command,
        "claims": [claim.id for claim in claims_of(experiment.name)],
        "result": settled[0].evidence if settled else "",
        "seeds": config.get("seeds", "–"),
        "seconds": experiment.environment["seconds"],
        "hardware": hardware(experiment.environment),
        "folder": f"results/{experiment.folder.name}",
    }


def hardware(environment: dict[str, Any]) -> str:
    """Name the devices, the cores and the version of JAX that computed results."""
    devices = []
    for device, count in Counter(environment["devices"]).items():
        devices.append(f"{count} × {device}" if count > 1 else device)
    cores, jax_version = environment["cores"], environment["versions"]["jax"]
    return f"{', '.join(devices)}; {cores} cores; jax {jax_version}"


def duration(seconds: float) -> str:
    """Write a duration, such as 4.2 s or 2 min 5 s."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s"


def shown(value: Any) -> str:
    """Write a number, an interval or the beginning of a list as text."""
    if isinstance(value, dict):
        texts = {name: shown(entry) for name, entry in value.items()}
        if texts.keys() == {"middle", "low", "high"}:
            return f"{texts['middle']} (95%: {texts['low']} to {texts['high']})"
        return "; ".join(f"{name}: {text}" for name, text in texts.items())
    if isinstance(value, list):
        entries = [shown(entry) for entry in value[:MOST_SHOWN]]
        if len(value) > MOST_SHOWN:
            entries.append(f"… {len(value)} in all")
        return f"[{', '.join(entries)}]"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
