"""The demonstration in the browser: what castor-small finds in the terminal stands on the page, in the same order."""

import sys
import urllib.parse

import pytest
from conftest import PROGRAM, ROOT, SHOTS, SIZES, Visit
from server import Server

sys.path.insert(0, str(ROOT / "Tests/Demonstration"))
import demonstration  # noqa: E402
from demonstration import FIRST, HELD, QUESTIONS  # noqa: E402

# As many as a group shows at once.
SHOWN = 6


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    return demonstration.make(tmp_path_factory.mktemp("demonstration") / "media")


@pytest.fixture(scope="module")
def index(media):
    return demonstration.index(PROGRAM, media, media / "index")


@pytest.fixture(scope="module")
def visit(chromium, index, tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("data"), "--index", str(index), model=demonstration.MODEL)
    visit = Visit(chromium, server.url)
    yield visit
    assert not visit.faults and visit.hosts <= {f"127.0.0.1:{server.port}", "inline"}
    visit.close()
    assert server.stop() == 0


@pytest.fixture(scope="module")
def places():
    """Where what was wanted stood, beside the pictures of the page."""
    lines = []
    yield lines
    SHOTS.mkdir(parents=True, exist_ok=True)
    (SHOTS / "demonstration.tsv").write_text("".join(lines), encoding="utf-8")


def ask(visit, question, folder):
    """Puts the question into the page as a person does; labels of the results as they stand there."""
    page = visit.page
    # From another page, so that what was asked before is gone.
    page.goto("about:blank")
    view = "groups" if len(question.types) == 1 else "list"
    visit.open("#" + urllib.parse.urlencode([("view", view), *(("type", name) for name in question.types)]))
    files = [folder / part[1:] for part in question.parts if part.startswith("@")]
    if files:
        with page.expect_response("**/search/v1/query"):
            page.set_input_files("#file", files)
        visit.settle()
    for text in question.parts:
        if not text.startswith("@"):
            visit.search(text)
    cards = page.locator("#results .card")
    return [
        name + (f" {place.removeprefix('page ')}" if place.startswith("page ") else "")
        for name, place in zip(cards.locator("h3 a").all_inner_texts(), cards.locator(".place").all_inner_texts(), strict=True)]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_as_in_the_terminal(visit, media, index, places, question):
    found = ask(visit, question, media / "questions")
    place = demonstration.place(found, question.wanted)
    places.append(f"{question.name}\t{place}\n")
    if question in HELD:
        assert place and place <= FIRST, f"{question.name}: {' or '.join(question.wanted)} is at {place}"
    assert found[:SHOWN] == demonstration.search(PROGRAM, media, index, question).labels[:SHOWN]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_how_it_looks(chromium, visit, size, scheme):
    """docs/images/search.png is the upper part of one of these pictures."""
    look = Visit(chromium, visit.url, size, scheme)
    look.open("#type=image&type=document")
    look.search("how to bake an apple pie")
    name = f"{size}-{scheme}-demonstration"
    look.check_access(name)
    look.check_width(name)
    look.shot(name)
    assert not look.faults
    look.close()
