"""The page of servers with a key, without pictures, that index, and that are gone."""

import os
import re
import subprocess

import collection
from conftest import ROOT, Visit, index
from playwright.sync_api import expect
from server import Server
from test_page import title


def test_the_key_is_asked_for_once(chromium, index_folder, tmp_path):
    server = Server(tmp_path, "--index", str(index_folder), "--api-key", "secret")
    visit = Visit(chromium, server.url)
    page = visit.page
    page.goto(server.url)
    expect(page.locator("#key")).to_be_visible()
    visit.check_access("the question for the key")
    visit.shot("wide-light-key")
    page.fill("#keyText", "wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#keyError")).to_have_text("The server does not know this key.")
    page.fill("#keyText", "secret")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-ready=true]")
    visit.search("a sleepy kitten")
    visit.until("[...document.querySelectorAll('.picture img')].every(image => image.complete && image.naturalWidth > 0)")
    page.reload()
    page.wait_for_selector("body[data-ready=true]")
    expect(page.locator("#key")).to_be_hidden()
    # No address has it.
    assert not any("secret" in address for address in page.evaluate(
        "[location.href, ...performance.getEntriesByType('resource').map(entry => entry.name)]"))
    visit.close()
    assert server.stop() == 0


def test_an_address_with_a_key(chromium, index_folder, tmp_path):
    """As castor search --open gives it."""
    server = Server(tmp_path, "--index", str(index_folder), "--api-key", "secret")
    visit = Visit(chromium, server.url)
    page = visit.open("#key=secret&q=a%20sleepy%20kitten&type=text")
    expect(page.locator("#text")).to_have_value("a sleepy kitten")
    expect(title(visit).first).to_have_text("kitten.txt")
    assert "secret" not in page.url and page.locator("#results > section").count() == 1
    visit.close()
    assert server.stop() == 0


def test_indexing_is_watched(chromium, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "one.txt").write_text("the first one\n")
    index(tmp_path / "index", folder)
    server = Server(tmp_path / "data", "--index", str(tmp_path / "index"), "--allow-indexing")
    visit = Visit(chromium, server.url)
    page = visit.open()
    expect(page.locator("#summary")).to_contain_text("1 item in 1 file")
    (folder / "two.txt").write_text("the second one\n")
    page.get_by_role("button", name="Bring up to date").click()
    expect(page.locator("#status")).to_have_text(re.compile(r"^The index is up to date: 1 new"))
    expect(page.locator("#summary")).to_contain_text("2 items in 2 files")
    visit.search("the second one")
    expect(title(visit).first).to_have_text("two.txt")
    assert not visit.faults
    visit.close()
    assert server.stop() == 0


def test_a_model_of_texts_alone(chromium, tmp_path):
    model = ROOT / "Tests/Fixtures/sentences/model"
    imported = tmp_path / "model"
    program = os.environ.get("CASTOR_PROGRAM", str(ROOT / ".build/release/castor"))
    subprocess.run([program, "import", model, imported], check=True, capture_output=True)
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "one.txt").write_text("the first one\n")
    (folder / "red.png").write_bytes(collection.picture((200, 0, 0)))
    index(tmp_path / "index", folder, model=imported)
    server = Server(tmp_path / "data", "--index", str(tmp_path / "index"), model=imported)
    # Of a PDF it takes what is written there.
    assert "embeds text and PDF, as the hosted" in server.request("GET", "/")[2].decode()
    visit = Visit(chromium, server.url)
    page = visit.open()
    expect(page.locator("#hint")).to_have_text("Type, or paste or drop a PDF; several together are one query.")
    expect(page.locator("#record")).to_be_hidden()
    expect(page.locator("#problemCount")).to_have_text("1 file with problems")
    visit.search("the first one")
    expect(title(visit).first).to_have_text("one.txt")
    visit.close()
    assert server.stop() == 0


def test_an_empty_index_says_how_to_fill_it(chromium, tmp_path):
    folder, path = tmp_path / "files", tmp_path / "an index"
    folder.mkdir()
    (folder / "empty.txt").touch()
    index(path, folder)
    server = Server(tmp_path / "data", "--index", str(path))
    visit = Visit(chromium, server.url)
    expect(visit.open().locator(".welcome code")).to_have_text(f"castor index --index '{path}' PATH")
    visit.close()
    assert server.stop() == 0


def test_a_server_that_is_gone(chromium, index_folder, tmp_path):
    server = Server(tmp_path, "--index", str(index_folder))
    visit = Visit(chromium, server.url)
    page = visit.open()
    server.kill()
    page.fill("#text", "anything")
    expect(page.locator("#status")).to_have_text("The server does not answer. Is castor serve running?")
    visit.close()
