"""The built server with an index of its own, and Debian's Chromium."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tools/contracts"))
import collection  # noqa: E402
from server import NANO, PROGRAM, Server  # noqa: E402

# No test fails because the machine is busy.
expect.set_options(timeout=1_000_000)

# Where screenshots go: what CI keeps, never git.
SHOTS = pathlib.Path(os.environ.get("CASTOR_PAGE_SHOTS", ROOT / ".build/tests/page"))
SIZES = {"wide": (1280, 900), "phone": (390, 844)}


def index(path, *files, model=NANO):
    subprocess.run(
        [PROGRAM, "index", "--index", path, *files], check=True, capture_output=True,
        env={**os.environ, "CASTOR_MODEL": str(model)})


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    return collection.make(tmp_path_factory.mktemp("collection") / "files")


@pytest.fixture(scope="session")
def index_folder(files, tmp_path_factory):
    path = tmp_path_factory.mktemp("index") / "index"
    index(path, "--captions", files)
    return path


@pytest.fixture(scope="session")
def server(index_folder, tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("data"), "--index", str(index_folder))
    yield server
    assert server.is_alive, "the server has ended"
    assert server.stop() == 0


@pytest.fixture(scope="session")
def chromium():
    program = shutil.which("chromium")
    assert program, "Chromium is not installed: tools/setup page"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"])
        yield browser
        browser.close()


class Visit:
    """A page that is open, and what it did wrong."""

    def __init__(self, browser, url, size="wide", scheme="light"):
        width, height = SIZES[size]
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=size == "phone",
            permissions=["microphone"], reduced_motion="reduce")
        # No wait ends because the machine is busy; who waits for ever is ended by the one who started the tests.
        self.context.set_default_timeout(0)
        self.page = self.context.new_page()
        self.faults = []
        self.hosts = set()
        self.page.on("console", lambda message: message.type in ("error", "warning") and self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self.hosts.add(request.url.split("/")[2] if "://" in request.url else "inline"))
        self.url = url

    def open(self, fragment=""):
        self.page.goto(f"{self.url}/{fragment}")
        self.page.wait_for_selector("body[data-ready=true]")
        return self.page

    def search(self, text):
        """Types, and waits for the answer."""
        with self.page.expect_response("**/search/v1/query") as reply:
            self.page.fill("#text", text)
        assert reply.value.status == 200
        self.settle()

    def settle(self):
        self.page.wait_for_selector("#results:not([aria-busy])", state="attached")

    def until(self, script):
        """Until it is true; the page's policy lets Playwright's own wait evaluate nothing."""
        while not self.page.evaluate(script):
            self.page.wait_for_timeout(30)

    def ids(self):
        return self.page.eval_on_selector_all("#results .card", "cards => cards.map(card => Number(card.dataset.id))")

    def names(self):
        return self.page.eval_on_selector_all("#results .card h3 a", "links => links.map(link => link.textContent)")

    def view(self, name):
        self.page.check(f"#views input[value={name}]", force=True)
        if name != "map":
            self.page.wait_for_selector("#map", state="hidden")
        self.settle()

    def check_access(self, what):
        """axe-core finds nothing serious."""
        found = Axe().run(self.page).response["violations"]
        serious = [
            f"{one['id']} ({one['impact']}): {[node['html'][:200] for node in one['nodes'][:3]]}" for one in found
            if one["impact"] in ("serious", "critical")]
        assert not serious, f"{what}: {serious}"

    def check_width(self, what):
        """Nothing is wider than the screen."""
        width, wanted = self.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert width <= wanted, f"{what}: {width} of {wanted} pixels"

    def shot(self, name):
        SHOTS.mkdir(parents=True, exist_ok=True)
        # Also those that are loaded when one comes near; and films show a ring until their picture is there.
        self.page.evaluate(
            "() => { for (const image of document.images) image.loading = 'eager'; return Promise.all([...document.images].map("
            "image => image.complete || new Promise(done => { image.onload = image.onerror = done }))) }")
        self.until("[...document.querySelectorAll('video')].every(film => film.networkState === HTMLMediaElement.NETWORK_IDLE)")
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    def close(self):
        self.context.close()


@pytest.fixture
def visit(chromium, server):
    visit = Visit(chromium, server.url)
    visit.open()
    yield visit
    faults, hosts = visit.faults, visit.hosts
    visit.close()
    assert not faults, faults
    assert hosts <= {f"127.0.0.1:{server.port}", "inline"}, hosts
