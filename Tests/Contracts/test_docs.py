"""What docs/server.md shows, done as it is written there."""

import json
import re
import subprocess

import pytest

from conftest import NANO, PROGRAM, ROOT


def blocks(page):
    """Its shell scripts."""
    return re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs" / page).read_text(), re.MULTILINE | re.DOTALL)


def test_a_batch_job_from_upload_to_results(server, tmp_path):
    (script,) = [block for block in blocks("server.md") if "asyncBatchEmbedContent" in block]
    assert "http://127.0.0.1:8080" in script
    run = subprocess.run(
        ["sh", "-eu", "-c", script.replace("http://127.0.0.1:8080", server.url)], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    results = [json.loads(line) for line in run.stdout.splitlines()]
    requests = [json.loads(line) for line in (tmp_path / "requests.jsonl").read_text().splitlines()]
    assert [result["key"] for result in results] == [request["key"] for request in requests] == ["kitten", "dog"]
    # The command line takes the very same file.
    local = subprocess.run(
        [PROGRAM, "embed", "--model", NANO, "--batch", "requests.jsonl"], cwd=tmp_path, capture_output=True, text=True, check=True)
    for result, line in zip(results, local.stdout.splitlines(), strict=True):
        expected = json.loads(line)["response"]["embedding"]["values"]
        assert result["response"]["embedding"]["values"] == pytest.approx(expected, abs=2e-6)


def test_curl_reads_why_http_2_is_refused(server):
    run = subprocess.run(
        ["curl", "--silent", "--http2-prior-knowledge", "--write-out", " %{http_code}", f"{server.url}/livez"],
        capture_output=True, text=True)
    assert run.stdout.startswith("Castor speaks HTTP/1.1.") and run.stdout.endswith(" 505"), run


FOLDERS = {"CastorJSON": "JSON", "CastorNumerics": "Numerics", "CKernels": "Kernels"}
"""Modules whose folders are called otherwise."""


def test_modules_import_those_before_them():
    page = (ROOT / "docs/architecture.md").read_text()
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", page, re.MULTILINE)
    place = {name: number for number, row in enumerate(rows) for name in re.findall(r"`(\w+)`", row)}
    package = (ROOT / "Package.swift").read_text()
    seen = set()
    for name, rest in re.findall(r'\.(?:executableTarget|target)\(\s*name: "(\w+)"(.*?)(?=\n        \.|\n    \])', package, re.DOTALL):
        name = FOLDERS.get(name, name)
        dependencies = re.search(r"dependencies: \[(.*?)\n? *\](?:,|\))", rest, re.DOTALL)
        if name not in place or not dependencies:
            continue
        seen.add(name)
        for used in re.findall(r'"(\w+)"', re.sub(r"\.product\(.*?\)", "", dependencies[1], flags=re.DOTALL)):
            used = FOLDERS.get(used, used)
            assert used not in place or place[used] <= place[name], f"{name} uses {used}"
    assert {"Castor", "Search", "Training", "GeminiAPI", "CastorCLI"} <= seen


def test_what_the_architecture_names_is_there():
    page = (ROOT / "docs/architecture.md").read_text()
    paths = re.findall(r"`((?:[\w+.-]+/)+[\w+.-]+)`", page)
    assert len(paths) > 15
    for path in paths:
        places = [ROOT / path, ROOT / "Sources" / path, ROOT / "Sources" / f"{path}.swift"]
        assert any(place.exists() for place in places), path
