"""Recorded vectors as data for `recipes/distil-hosted.json`: contents of a batch file, each with the hosted vector as its teacher.

    python3 tools/hosted/training_data.py in.jsonl hosted.jsonl distil.jsonl

Put the result beside in.jsonl: files in contents are relative to it. Contents without a vector are left out and counted.
"""

import json
import sys
from pathlib import Path


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    inputs, recorded, output = map(Path, sys.argv[1:])
    vectors = {}
    with recorded.open() as file:
        for line in file:
            value = json.loads(line)
            if "response" in value:
                vectors[value["key"]] = value["response"]["embedding"]["values"]
    kept = left = 0
    with inputs.open() as file, output.open("w") as target:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            value = json.loads(line)
            vector = vectors.get(value.get("key", str(number)))
            if vector is None:
                left += 1
                continue
            kept += 1
            sample = {"query": {"parts": value["request"]["content"]["parts"]}, "teacher": {"query": vector}}
            target.write(json.dumps(sample, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"{output}: {kept} contents with a teacher, {left} without one left out")


if __name__ == "__main__":
    main()
