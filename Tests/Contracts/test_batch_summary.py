"""What `castor embed --batch` says at its end to a person at a terminal, and to a script."""

import json
import os
import pty
import re
import subprocess

from conftest import NANO, PROGRAM

LINES = [{"key": f"r{i}", "request": {"content": {"parts": [{"text": f"kitten {i}"}]}}} for i in range(3)]
MISSING = {"key": "missing", "request": {"content": {"parts": [{"fileData": {"fileUri": "no.png"}}]}}}


def batch(folder, errors):
    (folder / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [*LINES, MISSING]))
    command = [PROGRAM, "embed", "--model", NANO, "--batch", "in.jsonl", "--output", "out.jsonl"]
    return subprocess.run(command, cwd=folder, stderr=errors, text=True, check=True).stderr


def test_a_person_gets_a_summary_and_a_script_does_not(tmp_path):
    terminal, end = pty.openpty()
    batch(tmp_path, end)
    os.close(end)
    said = os.read(terminal, 4096).decode().replace("\r\n", "\n")
    os.close(terminal)
    answers = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    tokens = sum(answer["response"]["usageMetadata"]["promptTokenCount"] for answer in answers if "response" in answer)
    assert re.fullmatch(
        r'castor: 1 of 4 contents failed, the first with key "missing": part 1: no.png: no such file\n'
        rf"castor: 3 contents embedded into out.jsonl in [\d.]+ s, [\d.]+/s; {tokens} tokens as billed\n", said), said
    assert batch(tmp_path, subprocess.PIPE).splitlines()[1:] == [
        'castor: 1 of 1 content failed, the first with key "missing": part 1: no.png: no such file']
