"""What the blocks of docs/stores.md print with castor-small, and show after `# ` at their ends: written anew by tools/docs/renew.

One store is asked: all of them show the same, to which Tests/Contracts/test_stores.py holds them.
"""

import pathlib
import re
import subprocess
import tempfile

import markdown
import test_stores
from conftest import NANO, SMALL
from server import Server

PAGE = "docs/stores.md"


def printed():
    """[(block, lines that it printed)]"""
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work, "media")
        folder.mkdir()
        subprocess.run(["/usr/bin/python3", markdown.ROOT / "tools/demo/pictures.py", folder], check=True)
        small, nano = Server(pathlib.Path(work, "small"), model=SMALL), Server(pathlib.Path(work, "nano"), model=NANO)
        try:
            run, _ = test_stores.outcomes("Qdrant", small.url, nano.url)
            outcomes = [*zip(test_stores.BLOCKS["Qdrant"], run, strict=True), (*test_stores.PICTURES, test_stores.pictures_outcome(small.url, folder))]
        finally:
            small.stop()
            nano.stop()
    return [(block, outcome["printed"].splitlines()) for block, outcome in outcomes]


def renew():
    path = markdown.ROOT / PAGE
    before = text = path.read_text()
    for block, lines in printed():
        for old, new in zip(re.findall(r"^# (.*)$", block, re.MULTILINE), lines, strict=True):
            text = text.replace(f"# {old}\n", f"# {new}\n")
    path.write_text(text)
    print(f"{PAGE}: " + ("all is as shown" if text == before else "what its stores find is renewed"))
