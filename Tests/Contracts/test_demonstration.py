"""The demonstration in the terminal: castor-small finds pictures, sounds, films, pages and texts by each other, or is known not to."""

import sys

import pytest
from conftest import PROGRAM, ROOT

sys.path.insert(0, str(ROOT / "Tests/Demonstration"))
import demonstration  # noqa: E402
from demonstration import CLEAR, FIRST, HELD, KNOWN_MISSES, QUESTIONS  # noqa: E402


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """What castor search finds."""
    assert PROGRAM.exists(), "build the program first: make program"
    media = demonstration.make(tmp_path_factory.mktemp("demonstration") / "media")
    index = demonstration.index(PROGRAM, media, media / "index")
    return lambda question: demonstration.search(PROGRAM, media, index, question)


@pytest.mark.parametrize("question", HELD, ids=lambda question: question.name)
def test_found_among_the_first_three(asked, question):
    place = asked(question).place(question.wanted)
    assert place and place <= FIRST, f"{question.name}: {' or '.join(question.wanted)} is at {place}"


@pytest.mark.parametrize("question", [one for one in QUESTIONS if one.name in KNOWN_MISSES], ids=lambda question: question.name)
def test_known_misses(asked, question):
    """Such as are found for certain, and not by a hair, are no longer missed."""
    found = asked(question)
    place = found.place(question.wanted)
    assert place, f"nothing in the index is {' or '.join(question.wanted)}"
    print(f"{question.name}: {' or '.join(question.wanted)} is at {place}")
    assert found.lead(question.wanted) < 2 * CLEAR, f"{question.name} is found now, at {place}: take it out of {demonstration.MISSES}"


def test_the_tables():
    """Enough questions of each kind, and none is missed that is not asked."""
    names = [question.name for question in QUESTIONS]
    assert len(names) == len(set(names)) and KNOWN_MISSES <= set(names)
    assert {question.kind for question in QUESTIONS} >= {
        "text to picture", "picture to picture", "text to sound", "sound to picture", "picture and text"}
    assert len(HELD) >= 20
