"""From recording to moving, with `castor serve` in the place of the hosted service: shows what a map and distillation gain.

    tools/hosted/setup
    .venv-hosted/bin/python tools/hosted/end_to_end.py .build/release/castor [--contents in.jsonl] [--work FOLDER]

The "service" is castor-small; the "local" model is smaller, has other weights, and is untrained. Contents are made-up texts unless
a batch file is named. Fails where one of these does not hold: a recording that was stopped goes on to the same lines; refusals by
a busy server are waited for; a batch job's results are read as they are and equal the recording; and on contents that neither was
fitted on, both a map and distillation find more of the service's neighbours than the local model does.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from google import genai
from google.genai import types
from texts import texts

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "tools/record-hosted"
HELD_OUT = 0.3
# The contents of two calls of tools/record-hosted, so that three recordings at a time get in each other's way.
WAITING_CONTENTS = 100
LOCAL = {"name": "castor-local", "width": 128, "heads": 2, "mlp_width": 512}
BLOCKS = {"text": 1, "image": 1, "audio": 1, "unified": 2}


def say(text):
    print(f"-- {text}", flush=True)


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, **options)


class Service:
    """`castor serve` at a free port."""

    def __init__(self, castor, model, folder):
        self.process = subprocess.Popen(
            [castor, "serve", "--port", "0", "--model", model, "--data-dir", folder, "--log-level", "warning", "--api-key",
             "the-key", "--max-waiting-contents", str(WAITING_CONTENTS)], stderr=subprocess.PIPE, text=True)  # fmt: skip
        for line in self.process.stderr:
            if found := re.search(r"listening at (\S+)", line):
                self.url = found[1]
                return
        sys.exit("castor serve ended")

    def stop(self):
        self.process.terminate()
        assert self.process.wait(60) == 0


def recording(service, inputs, output):
    return subprocess.Popen(
        [sys.executable, RECORD, inputs, output, "--base-url", service.url, "--per-minute", "1000000"],
        env={**os.environ, "GEMINI_API_KEY": "the-key"}, stderr=subprocess.PIPE, text=True,
        # A shell's background jobs inherit that SIGINT is ignored; the one that is stopped must not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # fmt: skip


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def record(service, inputs, output, part):
    """Records all, is stopped on the way and goes on; recordings of the first lines at the same time make the server refuse."""
    first = recording(service, inputs, output)
    others = [recording(service, part, output.with_suffix(suffix)) for suffix in (".part", ".again")]
    while output.stat().st_size < 1 << 20 if output.exists() else True:
        assert first.poll() is None, first.stderr.read()
        time.sleep(0.05)
    first.send_signal(signal.SIGINT)
    first.communicate()
    stopped = len(lines_of(output))
    logs = [other.communicate()[1] for other in others]
    assert first.returncode == 1 and all(other.returncode == 0 for other in others), logs
    again = recording(service, inputs, output)
    _, more = again.communicate()
    assert again.returncode == 0, more
    wanted = [json.loads(line)["key"] for line in inputs.read_text().splitlines()]
    assert 0 < stopped < len(wanted) and [line["key"] for line in lines_of(output)] == wanted
    say(f"recorded {len(wanted)} contents; stopped at {stopped} and gone on; {str(logs).count('429, waiting')} refusals waited for")
    whole = {line["key"]: line["response"]["embedding"]["values"] for line in lines_of(output)}
    for line in lines_of(output.with_suffix(".part")):
        difference = max(abs(a - b) for a, b in zip(line["response"]["embedding"]["values"], whole[line["key"]], strict=True))
        assert difference < 1e-5, (line["key"], difference)


def batch_job(service, inputs, output):
    """The service's own batch job: its result file, as it is."""
    client = genai.Client(api_key="the-key", http_options=types.HttpOptions(base_url=service.url))
    file = client.files.upload(file=str(inputs), config={"mime_type": "jsonl"})
    job = client.batches.create_embeddings(
        model="gemini-embedding-2", src=types.EmbeddingsBatchJobSource(file_name=file.name)
    )
    while job.state.name in ("JOB_STATE_PENDING", "JOB_STATE_RUNNING"):
        time.sleep(0.2)
        job = client.batches.get(name=job.name)
    assert job.state.name == "JOB_STATE_SUCCEEDED", job
    output.write_bytes(client.files.download(file=job.dest.file_name))


def overlap(castor, reference, candidate, folder, *options):
    """overlap@10 with its interval, of all values."""
    result = folder / "comparison.json"
    run(castor, "compare", reference, candidate, "--json", result, "--skip-maps", *options, stdout=subprocess.DEVNULL)
    return json.loads(result.read_text())["groups"][0]["sizes"][0]["overlap"][2]


def split(path, held):
    """PATH.fit and PATH.test: the lines whose keys are not held out, and those that are."""
    parts = path.with_suffix(".fit.jsonl"), path.with_suffix(".test.jsonl")
    with parts[0].open("w") as fit, parts[1].open("w") as test:
        for line in path.read_text().splitlines(keepends=True):
            (test if json.loads(line)["key"] in held else fit).write(line)
    return parts


def local_model(folder):
    """An untrained model with castor-small's vocabulary."""
    folder.mkdir()
    configuration = json.loads((ROOT / "weights/castor-small/config.json").read_text()) | LOCAL
    for tower, blocks in BLOCKS.items():
        configuration[tower]["blocks"] = blocks
    (folder / "config.json").write_text(json.dumps(configuration))
    (folder / "tokenizer.model").write_bytes((ROOT / "weights/castor-small/tokenizer.model").read_bytes())
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("castor", type=Path)
    parser.add_argument("--contents", type=Path, help="a batch file of your own, lines with different keys")
    parser.add_argument("--count", type=int, default=1500, help="of the made-up texts")
    parser.add_argument("--epochs", type=int, default=15, help="of distillation")
    parser.add_argument("--work", type=Path, help="an empty folder to keep everything in")
    arguments = parser.parse_args()
    castor = arguments.castor.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.work or Path(name)
        folder.mkdir(exist_ok=True, parents=True)
        inputs = folder / "in.jsonl"
        if arguments.contents:
            inputs.write_bytes(arguments.contents.read_bytes())
        else:
            inputs.write_text("".join(
                json.dumps({"key": f"t{number}", "request": {"content": {"parts": [{"text": text}]}}}) + "\n"
                for number, text in enumerate(texts(arguments.count))))  # fmt: skip
        keys = [json.loads(line)["key"] for line in inputs.read_text().splitlines()]
        held = set(random.Random(1).sample(sorted(keys), int(HELD_OUT * len(keys))))
        in_fit, in_test = split(inputs, held)
        part = folder / "part.jsonl"
        part.write_text("".join(line + "\n" for line in inputs.read_text().splitlines()[: len(keys) // 3]))

        local = local_model(folder / "local")
        run(castor, "init", local)
        hosted = folder / "hosted.jsonl"
        service = Service(castor, ROOT / "weights/castor-small", folder / "state")
        try:
            record(service, inputs, hosted, part)
            batch_job(service, part, folder / "job.jsonl")
        finally:
            service.stop()
        hosted_fit, hosted_test = split(hosted, held)
        equal = overlap(castor, folder / "job.jsonl", hosted.with_suffix(".part"), folder)
        say(f"a batch job's results beside the recording: overlap@10 {equal['value']:.4f}")
        assert equal["value"] > 0.999

        vectors = folder / "local.jsonl"
        run(castor, "embed", "--model", local, "--batch", inputs, "--output", vectors)
        local_fit, local_test = split(vectors, held)
        reached = {"local": overlap(castor, hosted_test, local_test, folder, "--report", folder / "before.html", "--contents", in_test)}

        mapping, mapped = folder / "to-hosted.safetensors", folder / "mapped.jsonl"
        run(castor, "map", "fit", local_fit, hosted_fit, "--output", mapping)
        run(castor, "map", "apply", mapping, local_test, "--output", mapped)
        reached["local, mapped"] = overlap(castor, hosted_test, mapped, folder)

        run(sys.executable, ROOT / "tools/hosted/training_data.py", in_fit, hosted_fit, folder / "distil.jsonl")
        start = time.monotonic()
        with (folder / "train.log").open("w") as log:
            run(castor, "train", ROOT / "recipes/distil-hosted.json", "--set", f"model={local}", "--set", f"output={folder / 'run'}",
                "--set", f"stages[0].data[0].path={folder / 'distil.jsonl'}", "--set", f"stages[0].epochs={arguments.epochs}",
                "--set", "stages[0].schedule.peak=2e-3", stderr=log)  # fmt: skip
        seconds = time.monotonic() - start
        distilled = folder / "distilled.jsonl"
        run(castor, "embed", "--model", folder / "run/model", "--batch", in_test, "--output", distilled)
        reached["distilled"] = overlap(castor, hosted_test, distilled, folder, "--report", folder / "after.html", "--contents", in_test)
        run(castor, "compare", hosted_test, distilled)

    say(f"overlap@10 with the service on {len(held)} contents that nothing was fitted on ({len(keys) - len(held)} were):")
    for name, value in reached.items():
        print(f"{name:16} {value['value']:.3f}  ({value['low']:.3f} to {value['high']:.3f})")
    say(f"distillation took {seconds:.0f} s, {arguments.epochs} epochs")
    assert reached["local, mapped"]["low"] > reached["local"]["high"], "the map gains nothing"
    assert reached["distilled"]["low"] > reached["local"]["high"], "distillation gains nothing"


if __name__ == "__main__":
    main()
