"""What the page says of results and of files that are none."""

import re

import collection
from conftest import Visit
from playwright.sync_api import expect


def test_each_view_says_where_it_cuts(visit):
    """Groups and list show different numbers of results, which looks like a mistake where nobody says why."""
    status = visit.page.locator("#status")
    visit.search("a sleepy kitten")
    cards = visit.page.locator("#results .card")
    expect(status).to_have_text(f"{cards.count()} results, the best of each medium alone")
    visit.view("list")
    expect(status).to_have_text(re.compile("^2[34] results, the best alone$"))
    expect(visit.page.locator("#results > .note")).to_contain_text("within one medium")
    with visit.page.expect_response("**/search/v1/query"):
        visit.page.check("#types input[value=image]", force=True)
    visit.settle()
    expect(status).to_have_text("3 results")
    expect(visit.page.locator("#results > .note")).to_have_count(0)


def test_a_caption_stands_below_its_picture(visit):
    visit.search("a red square")
    card = visit.page.locator("section.image .card", has=visit.page.get_by_role("link", name="red.png"))
    expect(card.locator(".snippet")).to_have_text(collection.CAPTION)
    expect(visit.page.locator("section.image .snippet")).to_have_count(1)


def test_copies_are_one_result(visit, files):
    visit.search("chirp")
    card = visit.page.locator("section.audio .card", has=visit.page.get_by_role("link", name="chirp-16k.wav", exact=True))
    expect(card).to_have_count(1)
    card.get_by_text("and 1 copy").click()
    paths = {card.locator(".copies a").inner_text(), card.locator(".folder").get_attribute("title")}
    assert paths == {str(files / "chirp-16k.wav"), str(files / "again/chirp-16k.wav")}


def test_pictures_and_sound_of_a_film_are_told_apart(visit):
    visit.search("film")
    places = visit.page.locator("section.video .card .place").all_inner_texts()
    assert len(places) == len(set(places)) == 2, places
    assert {place.split(", ")[-1] for place in places} == {"its pictures", "its sound"}


def test_files_left_out_are_named(visit, files):
    visit.page.get_by_role("button", name="1 file with problems").click()
    dialog = visit.page.locator("#problems")
    expect(dialog.locator("li")).to_have_text(re.compile(rf"^empty\.txt empty: no bytes\s*{re.escape(str(files))}$"))
    expect(dialog.locator("code")).to_have_text(re.compile(r"^castor index --index /.*/index --problems$"))
    visit.check_access("the files left out")
    visit.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_nothing_is_pushed_sideways_on_a_phone(chromium, server):
    visit = Visit(chromium, server.url, "phone")
    page = visit.open()
    visit.search("a sleepy kitten")
    for name in ("groups", "list"):
        visit.view(name)
        wide = page.evaluate("""[...document.querySelectorAll('body *')].filter(one => one.scrollWidth > one.clientWidth + 1
            && ['auto', 'scroll'].includes(getComputedStyle(one).overflowX)).map(one => one.id || one.className)""")
        assert not wide, (name, wide)
        # Of a path the beginning is cut, never its last folder, unless that alone is wider than the card.
        cut = page.evaluate("""[...document.querySelectorAll('.folder')].filter(line => line.lastChild.scrollWidth > line.lastChild.clientWidth
            && line.lastChild.clientWidth < line.clientWidth - 1).map(line => line.textContent)""")
        assert not cut, (name, cut)
    visit.close()
