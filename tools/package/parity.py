"""Holds a program against the vectors that PyTorch gave (Tests/Fixtures/golden.safetensors), also on a processor that is not at hand:

    python3 tools/package/parity.py build/package/castor
    python3 tools/package/parity.py qemu-x86_64-static -cpu Nehalem build/package/castor
"""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/Fixtures"
# As in tools/reference/check.py: libraries round pictures of these kinds each in their own way.
TOLERANCE, DECODERS, CHROMA = 1e-5, 2e-3, 1e-2


def tolerance(content):
    files = [part["fileData"]["fileUri"] for part in content["parts"] if "fileData" in part]
    if any(name.endswith(("mp4", "webm")) for name in files):
        return CHROMA
    return DECODERS if any(name.endswith(("heic", "avif", "pdf")) for name in files) else TOLERANCE


def vectors():
    data = (FIXTURES / "golden.safetensors").read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    entries = json.loads(data[8:start])
    entries.pop("__metadata__", None)
    for name, entry in entries.items():
        begin, end = entry["data_offsets"]
        yield name, struct.unpack(f"<{(end - begin) // 4}f", data[start + begin : start + end])


def main(command):
    expected = dict(vectors())
    cases = {case["id"]: case["content"] for case in json.loads((FIXTURES / "golden.json").read_text())["cases"]}
    # The program refuses empty texts, as the service does.
    cases = {name: content for name, content in cases.items() if all(part.get("text") != "" and "repeat" not in part for part in content["parts"])}
    with tempfile.TemporaryDirectory() as folder:
        batch = pathlib.Path(folder) / "cases.jsonl"
        (pathlib.Path(folder) / "media").symlink_to(FIXTURES / "media")
        batch.write_text("".join(json.dumps({"key": name, "request": {"content": content}}) + "\n" for name, content in cases.items()))
        said = subprocess.run(
            [*command, "embed", "--model", FIXTURES / "castor-nano", "--batch", batch], check=True, stdout=subprocess.PIPE, text=True).stdout
    wrong, most = [], 0.0
    for answer in map(json.loads, said.splitlines()):
        name = answer["key"]
        if "error" in answer:
            wrong.append(f"{name}: {answer['error']['message']}")
            continue
        difference = max(abs(a - b) for a, b in zip(answer["response"]["embedding"]["values"], expected[name], strict=True))
        most = max(most, difference) if tolerance(cases[name]) == TOLERANCE else most
        if difference > tolerance(cases[name]):
            wrong.append(f"{name}: differs by {difference:.1e}")
    print(*wrong, f"{len(cases) - len(wrong)} of {len(cases)} contents as PyTorch has them; the most that differs is {most:.1e}", sep="\n")
    return not wrong


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
