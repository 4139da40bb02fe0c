"""Regenerates the fixtures and compares, or holds the built program against the reference.

    check.py                                  regenerates in a temporary folder; status 1 if a value moves
    check.py --write                          replaces Tests/Fixtures
    check.py --castor PROGRAM --model FOLDER  runs the program on every golden case with that model
"""

import argparse
import filecmp
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

import make_fixtures
import make_gradients
import make_media
import make_nano
import model as reference
from make_fixtures import FIXTURES

REGENERATED_TOLERANCE = 1e-6
PARITY_TOLERANCE = 1e-5
# HEIC and AVIF decoders round differently, and interpolate chroma differently: docs/model.md, section 8.
DECODER_TOLERANCE = 2e-3
DECODER_DEPENDENT = ("heic", "avif", "pdf")
# libswscale enlarges chroma otherwise from version to version.
CHROMA_TOLERANCE = 1e-2
CHROMA_DEPENDENT = ("mp4", "webm")
NORM_TOLERANCE = 1e-6

SAME = [("text-empty", "text-space"), ("text-composed", "text-decomposed"),
        ("image-rgb.png", "image-lossless.webp"), ("image-interlaced.png", "image-small.bmp"),
        ("image-orientation-6.png", "image-orientation-6.webp")]
DIFFERENT = ["text-plain", "text-sentence", "text-emoji", "image-rgb.png", "image-wide.png",
             "image-one-pixel.png", "audio-chirp-16k.wav", "audio-silence.wav", "video-clip.mp4",
             "document-two-pages.pdf", "mixed-text-image",
             "mixed-audio-text-audio"]
GRADIENT_CASE = "mixed-all-five"

Row = tuple[str, float, float]              # case, deviation, tolerance


def report(rows: list[Row], shown: int) -> bool:
    """The table, worst first, every failure shown; true if all is well."""
    rows = sorted(rows, key=lambda row: -row[1] / row[2])
    failed = sum(not row[1] <= row[2] for row in rows)
    for name, deviation, tolerance in rows[:max(shown, failed)]:
        print(f"{'ok  ' if deviation <= tolerance else 'FAIL'} {deviation:8.1e} of {tolerance:.0e}  {name}")
    print(f"{len(rows)} compared, {failed} failed")
    return failed == 0


def deviation(a: np.ndarray, b: np.ndarray) -> float:
    if a.shape != b.shape or a.dtype != b.dtype:
        return np.inf
    return float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max(initial=0))


def compare_tensors(ours: Path, theirs: Path) -> list[Row]:
    a, b = load_file(ours), load_file(theirs)
    return [(name, deviation(a[name], b[name]) if name in a and name in b else np.inf, REGENERATED_TOLERANCE)
            for name in sorted(a.keys() | b.keys())]


def self_checks(golden: dict[str, np.ndarray]) -> list[Row]:
    """What holds whatever the weights are."""
    vectors = {name: x.astype(np.float64) for name, x in golden.items()
               if not name.endswith((".pixels", ".patches", ".samples", ".logmel", ".frames"))
               and ".page." not in name}
    rows = [(f"norm of {name}", abs(np.linalg.norm(x) - 1), NORM_TOLERANCE) for name, x in vectors.items()]
    rows += [(f"{a} = {b}", deviation(vectors[a], vectors[b]), NORM_TOLERANCE) for a, b in SAME]
    rows += [(f"{a} is not {b} (cosine)", vectors[a] @ vectors[b], 0.999)
             for i, a in enumerate(DIFFERENT) for b in DIFFERENT[:i]]
    model = reference.load(FIXTURES / "castor-nano")
    content = make_fixtures.expanded(make_fixtures.all_cases(FIXTURES)[GRADIENT_CASE])
    model(model.read(content, FIXTURES))[::7].sum().backward()
    dead = [p for p in model.parameters() if p.grad is None or not (p.grad.isfinite().all() and p.grad.any())]
    return rows + [("parameters without a gradient", len(dead), 0.5)]


def regenerate(folder: Path) -> list[Row]:
    """Everything anew in a folder, against Tests/Fixtures."""
    make_nano.make(folder / "castor-nano")
    make_media.make(folder / "media")
    rows = []
    for kind in ("castor-nano", "media"):
        names = sorted({path.name for path in [*(folder / kind).iterdir(), *(FIXTURES / kind).iterdir()]})
        _, differ, absent = filecmp.cmpfiles(FIXTURES / kind, folder / kind, names, shallow=False)
        rows += [(f"{kind}/{name} is missing", np.inf, 1.0) for name in absent]
        for name in differ:
            print(f"note: {kind}/{name} comes out with other bytes here; the committed file is used")
        shutil.copytree(FIXTURES / kind, folder / kind, dirs_exist_ok=True)
    deviations = make_fixtures.make(folder)
    make_gradients.make(folder)
    for name in ("golden.safetensors", "gradients.safetensors"):
        rows += compare_tensors(FIXTURES / name, folder / name)
    rows += [(f"f32 against f64: {name}", x, make_fixtures.F32_TOLERANCE) for name, x in deviations.items()]
    for name in ("golden.json", "castor-nano/config.json", "castor-nano/tokenizer.model"):
        same = filecmp.cmp(FIXTURES / name, folder / name, shallow=False)
        rows.append((name, 0.0 if same else np.inf, 1.0))
    wrong = make_fixtures.manifest(FIXTURES) != (FIXTURES / "MANIFEST.sha256").read_text()
    return rows + [("MANIFEST.sha256", np.inf if wrong else 0.0, 1.0)]


def write() -> None:
    shutil.rmtree(FIXTURES / "media", ignore_errors=True)
    make_nano.make(FIXTURES / "castor-nano")
    make_media.make(FIXTURES / "media")
    deviations = make_fixtures.make(FIXTURES)
    make_gradients.make(FIXTURES)
    print(f"{len(deviations)} cases; f32 lies at most {max(deviations.values()):.1e} from f64")


def tolerance_of(content: dict) -> float:
    uris = [part["fileData"]["fileUri"] for part in content["parts"] if "fileData" in part]
    if any(uri.endswith(CHROMA_DEPENDENT) for uri in uris):
        return CHROMA_TOLERANCE
    return DECODER_TOLERANCE if any(uri.endswith(DECODER_DEPENDENT) for uri in uris) else PARITY_TOLERANCE


def hold_against(castor: Path, model_folder: Path, folder: Path) -> list[Row]:
    """Every golden case through the program, against the reference on the same weights in f32."""
    shutil.copytree(FIXTURES / "media", folder / "media")
    contents = {case["id"]: make_fixtures.expanded(case["content"]["parts"])
                for case in json.loads((FIXTURES / "golden.json").read_text())["cases"]}
    lines = [json.dumps({"key": name, "request": {"content": content}}) for name, content in contents.items()]
    (folder / "cases.jsonl").write_text("\n".join(lines) + "\n")
    subprocess.run([castor.resolve(), "embed", "--model", model_folder.resolve(), "--batch", "cases.jsonl",
                    "--output", "out.jsonl"], cwd=folder, check=True)
    answers = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    if [answer["key"] for answer in answers] != list(contents):
        return [("the answers' keys and their order", np.inf, 1.0)]

    model, rows = reference.load(model_folder), []
    for answer in answers:
        name = answer["key"]
        if any(part.get("text") == "" for part in contents[name]["parts"]):
            # The program refuses empty texts, as the service does; the encoder's own tests hold their vectors.
            refused = "is empty" in answer.get("error", {}).get("message", "")
            rows.append((f"refused: {name}", 0.0 if refused else np.inf, PARITY_TOLERANCE))
            continue
        if "error" in answer:
            print(f"{name}: {answer['error']}")
            rows.append((name, np.inf, PARITY_TOLERANCE))
            continue
        values = np.array(answer["response"]["embedding"]["values"], dtype=np.float32)
        tolerance = tolerance_of(contents[name])
        rows.append((name, deviation(values, model.embed(contents[name], folder).numpy()), tolerance))
    return rows


def main() -> bool:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="replace Tests/Fixtures")
    parser.add_argument("--castor", type=Path, help="the built program")
    parser.add_argument("--model", type=Path, default=FIXTURES / "castor-nano", help="its model folder")
    parser.add_argument("--shown", type=int, default=20, help="lines of the table to show")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.write:
        write()
        return True
    with tempfile.TemporaryDirectory() as temporary:
        if options.castor:
            return report(hold_against(options.castor, options.model, Path(temporary)), options.shown)
        regenerated = report(regenerate(Path(temporary)), options.shown)
    print("self-checks:")
    return report(self_checks(load_file(FIXTURES / "golden.safetensors")), 0) and regenerated


if __name__ == "__main__":
    sys.exit(not main())
