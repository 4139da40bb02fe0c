"""The page of search in Chromium: each thing that a person does with it."""

import re

import collection
import pytest
from conftest import SIZES, Visit
from playwright.sync_api import expect


def title(visit):
    return visit.page.locator("#results .card h3 a")


def test_results_come_as_one_types(visit):
    page = visit.page
    expect(page.locator("#summary")).to_contain_text("items in")
    expect(page.locator(".welcome")).to_be_visible()
    with page.expect_response("**/search/v1/query") as reply:
        page.locator("#text").press_sequentially("a sleepy kitten", delay=5)
    assert reply.value.ok
    visit.settle()
    expect(page.locator("section.text .card h3 a").first).to_have_text("kitten.txt")
    expect(page.locator("#status")).to_contain_text("results")
    # An empty box shows what there is again.
    page.fill("#text", "")
    expect(page.locator(".welcome")).to_be_visible()


def test_groups_and_one_list(visit):
    visit.search("a sleepy kitten")
    groups = visit.page.locator("#results > section h2").all_inner_texts()
    assert [re.sub(r"\s*\d+$", "", text) for text in groups] == ["Pictures", "Films", "Sounds", "Pages", "Texts"]
    assert visit.page.locator("section.text .card").count() == 6
    visit.view("list")
    scores = visit.page.locator("#results .number").all_inner_texts()
    assert len(scores) > 6 and scores == sorted(scores, key=float, reverse=True)
    # The address keeps it.
    visit.page.reload()
    visit.page.wait_for_selector("body[data-ready=true]")
    expect(visit.page.locator("#text")).to_have_value("a sleepy kitten")
    assert visit.page.locator("#results .cards.list .card").count() == len(scores)


def test_show_more(visit):
    visit.search("note number 3")
    with visit.page.expect_response("**/search/v1/query"):
        visit.page.get_by_role("button", name="Show more").click()
    expect(visit.page.locator("section.text .card")).to_have_count(12)


def test_only_some_media(visit):
    visit.search("a sleepy kitten")
    with visit.page.expect_response("**/search/v1/query"):
        visit.page.check("#types input[value=image]", force=True)
    visit.settle()
    expect(visit.page.locator("#results > section")).to_have_count(1)
    assert set(visit.names()) == {"red.png", "green.png", "blue.png"}


@pytest.mark.parametrize("name,group", [("blue.png", "image"), ("chirp-16k.wav", "audio"), ("two-pages.pdf", "document"), ("clip.mp4", "video")])
def test_a_file_finds_itself(visit, files, name, group):
    with visit.page.expect_response("**/search/v1/query"):
        visit.page.set_input_files("#file", files / name)
    visit.settle()
    expect(visit.page.locator("#parts li")).to_have_count(1)
    expect(visit.page.locator(f"section.{group} .card h3 a").first).to_have_text(name)


def test_a_file_and_words_together(visit, files):
    with visit.page.expect_response("**/search/v1/query"):
        visit.page.set_input_files("#file", [files / "red.png", files / "kitten.txt"])
    with visit.page.expect_request("**/search/v1/query") as request:
        visit.page.fill("#text", "at night")
    parts = request.value.post_data_json["content"]["parts"]
    assert [next(iter(part)) for part in parts] == ["inlineData", "text", "text"]
    visit.settle()
    with visit.page.expect_response("**/search/v1/query"):
        visit.page.get_by_role("button", name="Remove red.png").click()
    expect(visit.page.locator("#parts li")).to_have_count(1)
    expect(visit.page.locator("#text")).to_be_focused()


# Browsers let no test put files into the real clipboard.
GIVE = """([event, name, type, bytes]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], name, { type }));
    const field = event === 'paste' ? 'clipboardData' : 'dataTransfer';
    const kind = event === 'paste' ? ClipboardEvent : DragEvent;
    document.body.dispatchEvent(new kind(event, { [field]: data, bubbles: true, cancelable: true }));
}"""


@pytest.mark.parametrize("event", ["paste", "drop"])
def test_pasted_and_dropped(visit, files, event):
    data = list((files / "green.png").read_bytes())
    if event == "drop":
        visit.page.evaluate(GIVE, ["dragover", "green.png", "image/png", data])
        expect(visit.page.locator("#drop")).to_be_visible()
    with visit.page.expect_response("**/search/v1/query"):
        visit.page.evaluate(GIVE, [event, "green.png", "image/png", data])
    visit.settle()
    expect(visit.page.locator("#drop")).to_be_hidden()
    expect(visit.page.locator("section.image .card h3 a").first).to_have_text("green.png")


def test_the_microphone(visit):
    button = visit.page.locator("#record")
    button.click()
    expect(button).to_have_text("Stop")
    # Chromium's pretended microphone beeps once a second.
    visit.page.wait_for_timeout(1500)
    with visit.page.expect_response("**/search/v1/query") as reply:
        button.click()
    assert reply.value.ok, reply.value.text()
    expect(button).to_have_text("Record")
    expect(visit.page.locator("#parts li")).to_contain_text("recording")


def test_more_and_less(visit):
    visit.search("a sleepy kitten")
    first = visit.page.locator("section.text .card").nth(1)
    number, name = first.get_attribute("data-id"), first.locator("h3 a").inner_text()
    with visit.page.expect_request("**/search/v1/query") as request:
        first.get_by_role("button", name="More like").click()
    assert request.value.post_data_json["more"] == [{"item": int(number)}]
    visit.settle()
    expect(visit.page.locator("#parts .plus")).to_contain_text(f"more like {name}")
    assert int(number) not in visit.ids()
    other = visit.page.locator("section.text .card").first
    with visit.page.expect_request("**/search/v1/query") as request:
        other.get_by_role("button", name="Less like").click()
    assert len(request.value.post_data_json["less"]) == 1
    visit.settle()
    expect(visit.page.locator("#parts .minus")).to_have_count(1)


def test_players_start_where_the_result_is(visit):
    visit.search("tones")
    visit.view("list")
    with visit.page.expect_response("**/search/v1/query"):
        visit.page.check("#types input[value=audio]", force=True)
    visit.settle()
    cards = visit.page.locator(".card.audio", has=visit.page.get_by_role("link", name="tones.wav"))
    assert cards.count() >= 2
    starts = []
    for card in cards.all():
        player = card.locator("audio")
        start, end = map(float, player.get_attribute("src").split("#t=")[1].split(","))
        starts.append(start)
        player.evaluate("player => { player.muted = true; return player.play() }")
        player.evaluate("(player, start) => new Promise(done => { const look = () => player.currentTime > start ? done() : setTimeout(look, 20); look() })", start)
        assert start < player.evaluate("player => player.currentTime") < end
        player.evaluate("player => player.pause()")
    assert max(starts) > 0


def test_a_film_shows_a_frame_and_plays(visit):
    visit.search("film")
    film = visit.page.locator("section.video video").first
    poster = film.get_attribute("poster")
    assert visit.page.evaluate("address => fetch(address).then(reply => reply.headers.get('content-type'))", poster) == "image/jpeg"
    film.evaluate("film => { film.muted = true; return film.play() }")
    assert film.evaluate("film => film.videoWidth") > 0


def test_a_page_is_looked_at(visit):
    visit.search("document")
    button = visit.page.locator("section.document .picture").first
    button.click()
    dialog = visit.page.locator("#preview")
    expect(dialog).to_be_visible()
    visit.until("document.getElementById('previewImage').naturalWidth > 0")
    assert visit.page.evaluate("Math.max(previewImage.naturalWidth, previewImage.naturalHeight)") == 1280
    assert re.search(r":download#page=[12]$", dialog.get_by_role("link").get_attribute("href"))
    visit.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()


def test_a_text_in_its_place(visit):
    visit.search("They run on rails.")
    card = visit.page.locator("section.text .card").first
    expect(card.locator("h3 a")).to_have_text("boats.md")
    card.get_by_text("In its place").click()
    expect(card.locator("mark")).to_have_text("They run on rails.")
    expect(card.locator("pre.context").first).to_contain_text("# Trains")


def test_the_size_of_the_vectors(visit):
    visit.search("a sleepy kitten")
    visit.page.get_by_text("Options").click()
    expect(visit.page.locator("#sizeValue")).to_have_text("3,072 values")
    expect(visit.page.locator("#kept")).to_have_text("All values count.")
    slider = visit.page.locator("#size")
    slider.focus()
    for size in (1536, 768, 512, 256, 128):
        with visit.page.expect_request(lambda request: request.method == "POST" and (request.post_data_json or {}).get("dimensions") == size):
            slider.press("ArrowLeft")
    visit.settle()
    expect(visit.page.locator("#kept")).to_have_text(re.compile(r"^\d+ % of what 3,072 values find\.$"))


def test_since_under_and_threshold(visit, files):
    visit.search("a sleepy kitten")
    visit.page.get_by_text("Options").click()
    with visit.page.expect_response("**/search/v1/query"):
        visit.page.select_option("#since", "1")
    visit.settle()
    assert visit.ids()
    with visit.page.expect_response("**/search/v1/query"):
        visit.page.fill("#under", str(files / "a folder of a long name"))
        visit.page.keyboard.press("Tab")
    visit.settle()
    assert len(visit.ids()) == 1
    with visit.page.expect_response("**/search/v1/query"):
        visit.page.fill("#threshold", "95")
    expect(visit.page.locator("#status")).to_have_text("Nothing was found.")


def test_the_map(visit):
    visit.search("a sleepy kitten")
    visit.view("map")
    canvas = visit.page.locator("#canvas")
    expect(canvas).to_have_attribute("aria-label", re.compile(r"Map of the collection, \d+ items"))
    painted = "canvas => { const d = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data; let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n }"
    while canvas.evaluate(painted) < 500:
        visit.page.wait_for_timeout(30)
    # Media differ by the shapes of their marks, too, and what the shapes mean is said above the map.
    marks = visit.page.eval_on_selector_all("#legend use", "uses => uses.map(use => use.getAttribute('href').split('#')[1])")
    assert len(set(marks)) == visit.page.locator("#legend li").count() == 5
    assert visit.page.locator("#legend").bounding_box()["y"] < canvas.bounding_box()["y"]
    # By keyboard: the middle of the plane after it was moved is another dot.
    canvas.focus()
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator("#mapItem .card")).to_have_count(1)
    first = visit.page.locator("#mapItem .card").get_attribute("data-id")
    for key in ("+", "+", "+", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "Enter"):
        visit.page.keyboard.press(key)
    visit.until(f"document.querySelector('#mapItem .card').dataset.id !== '{first}'")
    # By hand: a click on a dot, of which the label tells the name.
    visit.page.locator("#zoomAll").click()
    box = canvas.bounding_box()
    place = visit.page.evaluate("""async () => {
        const map = await (await fetch('/search/v1/map')).json();
        const [left, right, low, high] = [Math.min(...map.x), Math.max(...map.x), Math.min(...map.y), Math.max(...map.y)];
        const scale = Math.min((canvas.clientWidth - 48) / (right - left), (canvas.clientHeight - 48) / (high - low));
        // The one that is farthest from the others has no neighbour within reach.
        const away = map.items.map((_, a) => Math.min(...map.items.map((_, b) => a === b ? 9 : Math.hypot(map.x[a] - map.x[b], map.y[a] - map.y[b]))));
        const at = away.indexOf(Math.max(...away));
        return { id: map.items[at], x: canvas.clientWidth / 2 + (map.x[at] - (left + right) / 2) * scale, y: canvas.clientHeight / 2 - (map.y[at] - (low + high) / 2) * scale };
    }""")
    visit.page.mouse.move(box["x"] + place["x"], box["y"] + place["y"])
    expect(visit.page.locator("#mapLabel")).to_be_visible()
    visit.page.mouse.click(box["x"] + place["x"], box["y"] + place["y"])
    expect(visit.page.locator("#mapItem .card")).to_have_attribute("data-id", str(place["id"]))
    visit.check_access("the map with an item")


def test_names_and_texts_are_only_shown(visit):
    visit.search(collection.HOSTILE_TEXT)
    link = title(visit).filter(has_text=collection.HOSTILE)
    expect(link).to_be_visible()
    card = visit.page.locator(".card").filter(has_text=collection.HOSTILE)
    expect(card.locator("blockquote")).to_have_text(collection.HOSTILE_TEXT)
    card.get_by_text("In its place").click()
    expect(card.locator("mark")).to_have_text(collection.HOSTILE_TEXT)
    card.get_by_role("button", name="More like").click()
    expect(visit.page.locator("#parts li")).to_contain_text(collection.HOSTILE)
    visit.settle()
    assert visit.page.title() == "Castor search"
    # The file itself, opened: a text, whatever is in it.
    page = visit.context.new_page()
    page.goto(visit.url + visit.page.evaluate("async () => (await (await fetch('/search/v1/query', {method: 'POST', body: JSON.stringify({content: {parts: [{text: '<script>'}]}, types: ['text'], top: 100})})).json()).results.find(item => item.path.includes('onerror')).fileUri"))
    assert page.evaluate("document.contentType") == "text/plain" and page.title() != "taken"


def test_by_keyboard_alone(visit):
    page = visit.page
    page.locator("#canvas").evaluate("() => document.body.focus()")
    page.keyboard.press("Tab")
    page.locator("body").press("/")
    expect(page.locator("#text")).to_be_focused()
    with page.expect_response("**/search/v1/query"):
        page.keyboard.type("a sleepy kitten")
    visit.settle()
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.closest('.card')?.dataset.id ?? document.activeElement.id ?? document.activeElement.name"))
        if reached[-1] == str(visit.ids()[0]):
            break
    assert "record" in reached and "attach" in reached and str(visit.ids()[0]) in reached
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_how_it_looks(chromium, server, size, scheme):
    """No serious finding of axe-core and nothing beside the screen, whatever is shown; and pictures of it all."""
    visit = Visit(chromium, server.url, size, scheme)
    visit.open()
    name = f"{size}-{scheme}"

    def look(what):
        visit.check_access(f"{name} {what}")
        visit.check_width(f"{name} {what}")
        visit.shot(f"{name}-{what}")

    look("welcome")
    visit.search("a sleepy kitten")
    with visit.page.expect_response("**/search/v1/query"):
        visit.page.locator("section.text .card").nth(1).get_by_role("button", name="More like").click()
    visit.settle()
    visit.page.locator("section.text summary").first.click()
    look("groups")
    visit.view("list")
    look("list")
    visit.page.get_by_text("Options").click()
    look("options")
    visit.page.get_by_text("Options").click()
    visit.view("map")
    visit.page.wait_for_timeout(200)
    look("map")
    visit.view("groups")
    visit.page.locator("section.image .picture").first.click()
    visit.until("document.getElementById('previewImage').naturalWidth > 0")
    look("preview")
    assert not visit.faults
    visit.close()


def test_what_the_server_refuses_is_said(visit, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(collection.picture((1, 2, 3))[:40])
    with visit.page.expect_response("**/search/v1/query") as reply:
        visit.page.set_input_files("#file", broken)
    assert reply.value.status == 400
    expect(visit.page.locator("#status")).to_contain_text("part 1")
    visit.faults[:] = [fault for fault in visit.faults if "400" not in fault]
