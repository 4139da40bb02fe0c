"""Schemathesis on /openapi.json: what the document allows, what it forbids and its edges. Every answer must be one that the document
knows, of its form and type, and none a 5xx."""

import re
import subprocess
import sys

from conftest import HERE

# One of each route's versions; uploads have no JSON and are the kill test's business.
PATHS = "^/((v1beta/(models|tunedModels|files|batches|openai))|v1beta1/publishers|search/v1|livez|readyz|metrics)"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
EXAMPLES = 10


def test_answers_are_as_documented(server, tmp_path):
    server.upload(b'{"key": "k", "request": {"content": {"parts": [{"text": "a"}]}}}', "application/jsonl", "in-123")
    run = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml", "run",
         f"{server.url}/openapi.json", "--url", server.url, "--include-path-regex", PATHS, "--phases", "coverage,fuzzing",
         "--checks", CHECKS, "--max-examples", str(EXAMPLES), "--seed", "20261121", "--continue-on-failure", "--no-color",
         "--warnings", "off", "--request-timeout", "1000000", "--suppress-health-check", "all"],
        cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    tested = re.search(r"Tested:\s+(\d+)", run.stdout)
    generated = re.search(r"(\d+) generated", run.stdout)
    assert tested and int(tested[1]) >= 25, run.stdout[-3000:]
    assert generated and int(generated[1]) >= 1000, run.stdout[-3000:]
