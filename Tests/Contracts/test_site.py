"""What make docs writes: every public symbol documented and in its place, every page there, nothing from elsewhere."""

import json
import re
import shutil
import subprocess

import pytest

from conftest import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """tools/docs/site ends with an error where a link leads nowhere."""
    folder = tmp_path_factory.mktemp("site")
    run = subprocess.run([ROOT / "tools/docs/site", folder / "docs", "--keep", folder / "kept"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


def write(folder, *more):
    return subprocess.run([ROOT / "tools/docs/site", folder, *more], capture_output=True, text=True)


def test_a_folder_that_is_no_site_is_left(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    run = write(tmp_path)
    assert run.returncode == 1 and "holds something else" in run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_site_takes_the_place_of_another(site, tmp_path):
    folder = tmp_path / "docs"
    shutil.copytree(site / "docs", folder)
    (folder / "old.html").touch()
    run = write(folder)
    assert run.returncode == 0, run.stdout + run.stderr
    assert not (folder / "old.html").exists() and (folder / "documentation/castor/index.html").exists()
    # Nothing is left beside it.
    assert [path.name for path in tmp_path.iterdir()] == ["docs"]


def page(site, name):
    return json.loads((site / f"docs/data/documentation/{name}.json").read_text())


def test_every_public_symbol_is_documented(site):
    graph = json.loads((site / "kept/symbols/Castor.symbols.json").read_text())
    bare = [".".join(symbol["pathComponents"]) for symbol in graph["symbols"] if not symbol.get("docComment", {}).get("lines")]
    assert len(graph["symbols"]) > 200 and bare == []


def test_every_public_type_has_its_place_on_the_landing_page(site):
    sections = page(site, "castor")["topicSections"]
    # What nobody placed DocC puts into groups of its own.
    assert [section["title"] for section in sections if section.get("generated")] == []
    placed = {identifier.rpartition("/")[2] for section in sections for identifier in section["identifiers"]}
    graph = json.loads((site / "kept/symbols/Castor.symbols.json").read_text())
    assert {symbol["pathComponents"][0] for symbol in graph["symbols"]} <= placed


def test_every_page_is_there(site):
    for path in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]:
        title = page(site, f"castor/{path.stem.lower()}")["metadata"]["title"]
        assert path.stem == "README" or path.read_text().startswith(f"# {title}".replace("’", "'")) or "`" in path.read_text().partition("\n")[0]
    start = (site / "docs/index.html").read_text()
    assert "documentation/castor/" in start and (site / "docs/documentation/castor/index.html").exists()


def test_nothing_is_loaded_from_elsewhere(site):
    for path in [*(site / "docs").glob("*.html"), *(site / "docs/css").glob("*.css"), site / "docs/documentation/castor/index.html"]:
        assert not re.search(r"""(src|href)="(https?:)?//|url\(["']?(https?:)?//|@import""", path.read_text()), path
