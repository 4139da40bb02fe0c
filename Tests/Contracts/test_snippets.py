"""The lines of docs/clients.md for each client, as they stand, against the built server."""

import json
import math
import operator
import os
import re
import subprocess
import sys

import pytest

from conftest import HERE, PROGRAM, ROOT, SMALL, environment, last_line

PAGE = (ROOT / "docs/clients.md").read_text()
FIRST, LINES = PAGE.split("\n## Lines for each\n")
SECTIONS = {
    section.partition("\n")[0]: re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    for section in re.split(r"^### ", re.split(r"^## ", LINES, flags=re.MULTILINE)[0], flags=re.MULTILINE)}
(COMMON,) = SECTIONS.pop("")
SNIPPETS = {name: blocks[0] for name, blocks in SECTIONS.items() if blocks}
# Those that make contracts-all installs, and where they lie.
LARGE = {"semantic-kernel": "semantic-kernel"}
REQUIREMENTS = {
    line.split("==")[0]: line.split("==")[1]
    for name in ("semantic-kernel.txt", "requirements-all.txt", "requirements.txt")
    for line in (HERE / name).read_text().splitlines() if "==" in line}
# Of a cosine, between a client's vector and the program's.
CLOSE = 1e-5


def pytest_generate_tests(metafunc):
    if "client" in metafunc.fixturenames:
        every = metafunc.config.getoption("--all-clients")
        metafunc.parametrize("client", [client for client in SNIPPETS if every or client not in LARGE])


def run(code, url, client):
    path = [str(ROOT / ".venv-contracts/sdks" / LARGE[client])] if client in LARGE else []
    ran = subprocess.run(
        [sys.executable, HERE / "clients/lines.py"], input=code.replace("http://127.0.0.1:8080", url), capture_output=True, text=True,
        env=environment(PYTHONPATH=os.pathsep.join(path)))
    return last_line(ran, client)


def shown(block):
    return re.search(r"^# (.*)\n\Z", block, re.MULTILINE)[1]


def test_the_first_lines(small_server):
    (block,) = re.findall(r"^```python\n(.*?)^```$", FIRST, re.MULTILINE | re.DOTALL)
    assert run(block, small_server.url, "the first lines")["printed"].strip() == shown(block)


def test_lines(small_server, program_vectors, client):
    outcome = run(f"{COMMON}\n{SNIPPETS[client]}", small_server.url, client)
    assert outcome["printed"].strip() == shown(SNIPPETS[client])
    for found, whole in zip(outcome["vectors"], program_vectors, strict=bool(outcome["vectors"])):
        wanted = whole[:len(found)]
        assert sum(map(operator.mul, found, wanted)) / math.hypot(*found) / math.hypot(*wanted) == pytest.approx(1, abs=CLOSE)


@pytest.fixture(scope="module")
def program_vectors():
    names = {}
    exec(COMMON, names)
    lines = "".join(json.dumps({"key": text, "request": {"content": {"parts": [{"text": text}]}}}) + "\n" for text in names["TEXTS"])
    answers = subprocess.run(
        [PROGRAM, "embed", "--model", SMALL, "--batch", "-"], input=lines, capture_output=True, text=True, check=True).stdout
    return [json.loads(line)["response"]["embedding"]["values"] for line in answers.splitlines()]


def test_the_versions_are_those_installed():
    lines = re.findall(r"^    pip install (.*)$", PAGE, re.MULTILINE)
    assert len(lines) == len(SNIPPETS)
    for name, version in (package.split("==") for package in " ".join(lines).split()):
        assert REQUIREMENTS[name] == version, name
    rows = re.findall(r"^\| \[([\w-]+)\]\(([\w.]*)#([\w-]+)\) ([\d.]+).*\| (test|all) \|$", PAGE, re.MULTILINE)
    sdks = (HERE / "sdks.txt").read_text().split()
    for name, page, section, version, _ in rows:
        if name == "google-genai":
            assert f"{version}.0" in sdks
        else:
            assert f"{REQUIREMENTS[name]}.".startswith(f"{version}."), name
        headings = re.findall(r"^##+ (.*)$", (ROOT / "docs" / page).read_text() if page else PAGE, re.MULTILINE)
        assert section in [heading.lower().replace(" ", "-") for heading in headings], section
    # Each of them has its lines, here or with the stores.
    assert {section for _, page, section, _, _ in rows if not page} == {name.lower().replace(" ", "-") for name in SNIPPETS}
