"""The report, made once in its quick form and opened in a browser."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from experiments.course import DOCUMENTS, IDS, document_of
from experiments.experiment import claims_of, files, load
from experiments.report.dark import dark_file
from experiments.report.store import kept
from tests.amounts import FEWER_OPTIMIZATIONS
from tests.in_browser import look, open_browser

ROOT = Path(__file__).parents[2]
PAGES = ["index", *(document.page for document in DOCUMENTS)]
PHONE = 390  # pixels

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    """The folder of a quick report; FNN_REPORT names one that is there already."""
    out = Path(os.environ.get("FNN_REPORT") or tmp_path_factory.mktemp("report"))
    make(out)
    return out


def make(out: Path) -> str:
    command = [sys.executable, "-m", "experiments", "report", "--quick", "--out", str(out)]
    environment = os.environ | {
        "XLA_FLAGS": FEWER_OPTIMIZATIONS
    }  # nearly all of its time is compiling
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def records(report) -> dict[str, dict]:
    listed = json.loads((report / "claims.json").read_text())["claims"]
    return {record["id"]: record for record in listed}


def test_the_file_says_what_was_run(report):
    header = json.loads((report / "claims.json").read_text())["header"]
    assert header["quick"] is True
    assert sum(header["verdicts"].values()) == len(IDS)
    assert header["experiments"].keys() == set(files())
    xor = header["experiments"]["xor"]
    assert xor["seeds"] == xor["options"]["seeds"] == load("xor").QUICK.seeds
    assert {"jax", "numpy", "fnn"} <= xor["versions"].keys()
    assert xor["date"].startswith("20")


def test_every_id_has_one_record(report, records):
    listed = json.loads((report / "claims.json").read_text())["claims"]
    assert [record["id"] for record in listed] == IDS
    keys = {"id", "source", "statement", "verdict", "evidence", "numbers", "experiment", "figure"}
    for record in listed:
        assert record.keys() == keys
        assert record["verdict"] in ("holds", "fails", "depends", "undecided")
        assert record["source"] == document_of(record["id"]).source
        assert record["statement"]
        assert record["evidence"].endswith("."), record["id"]
        assert record["numbers"], record["id"]
        if record["figure"] is not None:
            assert (report / record["figure"]).stat().st_size > 2000
            assert (report / dark_file(record["figure"])).stat().st_size > 2000


WRONG = "0.16 0.17 0.18 0.21 1.24 2.3 2.23 3.8 3.11 3.12 4.5 4.30 4.31".split()


@pytest.mark.parametrize("id", WRONG)
def test_what_is_wrong_does_not_hold(records, id):
    assert records[id]["verdict"] in ("fails", "depends"), records[id]["evidence"]


def test_a_second_report_runs_nothing(report):
    before = {path: path.stat().st_mtime_ns for path in report.glob("results/*/results.npz")}
    assert len(before) >= len(files())
    make(report)
    assert {
        path: path.stat().st_mtime_ns for path in report.glob("results/*/results.npz")
    } == before


def test_saved_results_suffice_for_verdicts_and_figures(report):
    for name in files():
        module = load(name)
        found = kept(module, module.QUICK, report / "results")
        assert all((found.folder / file).exists() for file in found.drawings)
        assert all(claim.rule(found.results).evidence for claim in claims_of(name))


# ------------------------------------------------------------------------------------ in a browser


@pytest.fixture(scope="module")
def browser():
    yield from open_browser()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, 1200])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_sound(report, browser, page, width, dark):
    look(browser, report / f"{page}.html", width=width, dark=dark)
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    for image in browser.find_elements(By.TAG_NAME, "img"):
        assert browser.execute_script(
            "return arguments[0].complete && arguments[0].naturalWidth > 0", image
        )
        assert (".dark." in image.get_property("currentSrc")) == dark
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(13, 17, 23)" if dark else "rgb(255, 255, 255)")


def test_every_id_is_reached_by_a_link_from_the_overview(report, browser):
    look(browser, report / "index.html", width=1200, dark=False)
    links = [
        link.get_attribute("href")
        for link in browser.find_elements(By.CSS_SELECTOR, "section > .chips a")
    ]
    assert [link.rpartition("#c")[2] for link in links] == IDS
    for page in PAGES[1:]:
        look(browser, report / f"{page}.html", width=1200, dark=False)
        there = {
            element.get_attribute("id")
            for element in browser.find_elements(By.CSS_SELECTOR, "article.claim")
        }
        assert there == {
            f"c{link.rpartition('#c')[2]}" for link in links if f"/{page}.html#" in link
        }


def test_every_link_leads_somewhere(report, browser):
    for page in PAGES:
        look(browser, report / f"{page}.html", width=1200, dark=False)
        for link in browser.find_elements(By.TAG_NAME, "a"):
            target = link.get_attribute("href")
            assert target.startswith("file://"), target
            assert Path(target.removeprefix("file://").partition("#")[0]).exists(), target


def test_every_figure_is_shown(report, records, browser):
    shown = set()
    for page in PAGES[1:]:
        look(browser, report / f"{page}.html", width=1200, dark=False)
        images = browser.find_elements(By.TAG_NAME, "img")
        shown |= {
            "results/" + image.get_attribute("src").partition("/results/")[2] for image in images
        }
    assert shown == {record["figure"] for record in records.values() if record["figure"]}
