"""The reports of training and comparison at a desk and on a phone, light and dark: nothing is cut off, nothing serious by axe-core; and pictures of them."""

import json
import os
import subprocess

import pytest
from conftest import NANO, PROGRAM, SIZES, Visit

NAMES = [f"{what}_that_has_a_long_name_without_any_space_number_{number}" for number in range(8) for what in ("refund", "transfer", "withdrawal")]


def run(folder, *arguments):
    subprocess.run([PROGRAM, *arguments], check=True, capture_output=True, cwd=folder, env={**os.environ, "CASTOR_MODEL": str(NANO)})


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    """Paths of both, of texts with spaces and of names without."""
    folder = tmp_path_factory.mktemp("reports")
    texts = [f"what do I do about {name.replace('_', ' ')}, question {number} of a customer who asks at some length" for number in range(5) for name in NAMES]
    lines = [f"{text}\t{NAMES[at % len(NAMES)]}" for at, text in enumerate(texts)]
    (folder / "pairs.tsv").write_text("\n".join(lines) + "\n")
    contents = [{"key": f"k{at}", "request": {"content": {"parts": [{"text": text}]}}} for at, text in enumerate(texts[:40] + NAMES)]
    (folder / "contents.jsonl").write_text("".join(json.dumps(line) + "\n" for line in contents))
    run(folder, "train", "pairs.tsv", "--output", "run", "--set", "stages[0].epochs=1")
    run(folder, "embed", "--batch", "contents.jsonl", "--output", "before.jsonl")
    run(folder, "embed", "--model", "run/model", "--batch", "contents.jsonl", "--output", "after.jsonl")
    run(folder, "compare", "before.jsonl", "after.jsonl", "--contents", "contents.jsonl", "--report", "comparison.html")
    return {"training": folder / "run/report.html", "comparison": folder / "comparison.html"}


# What is in a box that scrolls sideways counts as cut off: nobody looks for it there. Long lists of settings may scroll.
CUT = """() => [...document.querySelectorAll('.wide, .plot')].filter(box => box.checkVisibility() && box.scrollWidth > box.clientWidth + 1)
    .map(box => `${box.textContent.trim().slice(0, 60)}: ${box.scrollWidth} of ${box.clientWidth} pixels`)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["training", "comparison"])
def test_report_is_whole(chromium, reports, kind, size, scheme):
    visit = Visit(chromium, reports[kind].as_uri(), size, scheme)
    visit.page.goto(visit.url)
    try:
        visit.check_width(f"{kind}, {size}")
        visit.check_access(f"{kind}, {size}, {scheme}")
        if size == "wide":
            assert visit.page.evaluate(CUT) == []
        visit.shot(f"report-{kind}-{size}-{scheme}")
        assert not visit.faults, visit.faults
    finally:
        visit.close()
