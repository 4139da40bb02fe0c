#!/usr/bin/env python3
"""Shows on one machine what embed.py promises: three executors, one of them killed in the middle; damaged rows; a second run.

    python tools/spark/check.py PROGRAM                                        600 texts and 24 pictures
    python tools/spark/check.py PROGRAM --texts 100000 --pictures 1000

Texts are lines of JSONL, pictures files of a folder; both are made here. What Spark made of them is held against one castor's batch: the same keys
in the same order, the same errors in the same places, vectors that differ by no more than batching may make them. Ends with 1 where that is not so.
"""

import argparse
import json
import os
import pathlib
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

import numpy
import pyarrow.dataset

HERE = pathlib.Path(__file__).resolve().parent
# What a vector may differ by when it is batched otherwise.
SAME = 2e-6
WORDS = (
    "time year day man thing life world hand part place case week company system program question work government number "
    "night point home water room mother area money story fact month lot right study book eye job word business issue side"
).split()
# Of texts, every so manieth line is one of these.
DAMAGED_EVERY = 1000
DAMAGED = ['{"key": "cut", "request": {"content"', '{"key": "empty", "text": ""}', '{"key": "nothing"}', "[1, 2]"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("castor", help="the program")
    parser.add_argument("--texts", type=int, default=600)
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--slices", type=int, default=24, help="of the texts, about")
    parser.add_argument("--dimensions", default="256")
    parser.add_argument("--model", default="", help="default: as castor's own")
    parser.add_argument("--master", default="local-cluster[3,1,1024]")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        check = Check(pathlib.Path(folder), arguments)
        check.texts(arguments.texts, arguments.slices)
        check.pictures(arguments.pictures)
        check.sampled_again()
    print("All of it holds." if not check.failures else f"{check.failures} do not hold.")
    sys.exit(bool(check.failures))


class Check:
    def __init__(self, folder, arguments):
        self.folder = folder
        self.options = ["--dimensions", arguments.dimensions, *(["--model", arguments.model] if arguments.model else [])]
        self.castor = os.path.abspath(arguments.castor)
        self.master = arguments.master
        self.failures = 0

    def expect(self, holds, text):
        print(f"  {'holds' if holds else 'DOES NOT HOLD'}: {text}", flush=True)
        self.failures += not holds

    # MARK: The two inputs

    def texts(self, count, slices):
        print(f"{count} texts", flush=True)
        source, plain = self.folder / "texts.jsonl", self.folder / "plain.jsonl"
        make_texts(source, plain, count)
        self.text_options = ["--slice-bytes", str(source.stat().st_size // slices)]
        wanted = self.one_process(plain)
        self.run_killed(source, self.folder / "texts", self.text_options)
        self.compare(self.folder / "texts", wanted)
        self.run_again(source, self.folder / "texts", self.text_options)

    def pictures(self, count):
        print(f"{count} pictures", flush=True)
        source = self.folder / "pictures-in"
        make_pictures(source, count)
        names = sorted(path.name for path in source.iterdir())
        plain = source / ".plain.jsonl"
        plain.write_text("".join(
            json.dumps({"key": name, "request": {"content": {"parts": [{"fileData": {"fileUri": name}}]}}}) + "\n" for name in names))
        wanted = self.one_process(plain)
        options = ["--slice-files", str(max(1, count // 24))]
        self.run_killed(source, self.folder / "pictures", options)
        self.compare(self.folder / "pictures", wanted)
        self.run_again(source, self.folder / "pictures", options)

    def sampled_again(self):
        """Files of results that are lost are made again, and no others."""
        output = self.folder / "texts"
        files = sorted(output.glob("part-*"))
        before = {file.name: file.stat().st_mtime_ns for file in files}
        lost = files[1::5]
        for file in lost:
            file.unlink()
        said = self.run(self.folder / "texts.jsonl", output, self.text_options)
        after = {file.name: file.stat().st_mtime_ns for file in output.glob("part-*")}
        kept = {file.name for file in files} - {file.name for file in lost}
        self.expect(
            after.keys() == before.keys() and all(after[name] == before[name] for name in kept),
            f"of {len(files)} files {len(lost)} were removed and made again, the others not touched ({said})")

    # MARK: Runs

    def one_process(self, batch):
        output = self.folder / "one.jsonl"
        output.unlink(missing_ok=True)
        start = time.monotonic()
        subprocess.run([self.castor, "embed", "--batch", batch, "--output", output, *self.options], check=True, stderr=subprocess.DEVNULL)
        print(f"  one castor, all cores: {time.monotonic() - start:.1f} s", flush=True)
        return output

    def command(self, source, output, options):
        return [
            sys.executable, HERE / "embed.py", source, output, "--castor", self.castor, "--master", self.master,
            "--conf", "spark.ui.enabled=false", "--conf", "spark.ui.showConsoleProgress=false", *self.options, *options]

    def run(self, source, output, options):
        return self.said(subprocess.Popen(self.command(source, output, options), stderr=subprocess.PIPE, text=True))

    def said(self, process):
        """The last line of a run that has to go well."""
        text = process.stderr.read()
        if process.wait():
            sys.exit(f"embed.py ended with {process.returncode}:\n{text[-4000:]}")
        return [line for line in text.splitlines() if line.startswith("castor: ")][-1].removeprefix("castor: ")

    def run_killed(self, source, output, options):
        """A run whose first executor that is seen at work when there are results is killed."""
        process = subprocess.Popen(self.command(source, output, options), stderr=subprocess.PIPE, text=True)
        killed = None
        while killed is None and process.poll() is None:
            time.sleep(0.02)
            done = len(list(output.glob("part-*")))
            if done >= 3 and (executor := executor_at_work(process.pid, os.path.basename(self.castor))):
                os.kill(executor, signal.SIGKILL)
                killed = done
        said = self.said(process)
        count = len(list(output.glob("part-*")))
        self.expect(killed is not None, f"an executor was killed amid a slice when {killed} of {count} were done; {said}")
        self.expect(not list((output / "_temporary").glob("*")), "nothing half written is left")

    def run_again(self, source, output, options):
        before = {file.name: file.stat().st_mtime_ns for file in output.glob("part-*")}
        said = self.run(source, output, options)
        after = {file.name: file.stat().st_mtime_ns for file in output.glob("part-*")}
        self.expect(before == after and said.startswith("0 rows"), f"a second run computes nothing ({said})")

    # MARK: Comparison

    def compare(self, output, wanted):
        table = pyarrow.dataset.dataset(output, format="parquet").to_table(columns=["source", "position", "key", "vector", "error"])
        places = list(zip(table["source"].to_pylist(), table["position"].to_pylist()))
        self.expect(places == sorted(set(places)), f"{len(places)} rows, none twice, in the order of the input")
        rows, errors, other, largest = 0, 0, 0, 0.0
        offsets = iter(zip(table["key"].to_pylist(), table["error"].to_pylist(), table["vector"]))
        with open(wanted, "rb") as lines:
            for line in lines:
                value = json.loads(line)
                key, error, vector = next(offsets, (None, None, None))
                rows += 1
                errors += error is not None
                if (value["key"] != key and not value["key"].startswith("#")) or ("error" in value) != (error is not None):
                    other += 1
                elif error is None:
                    difference = numpy.abs(vector.values.to_numpy() - numpy.array(value["response"]["embedding"]["values"], numpy.float32))
                    largest = max(largest, float(difference.max()))
        self.expect(
            rows == len(table) and not other, f"keys, and the places of {errors} rows with errors, as of one process ({other} of {rows} differ)")
        self.expect(largest <= SAME, f"vectors as of one process: the largest difference of a value is {largest:.1e}, {SAME:.0e} may be")


def executor_at_work(driver, castor):
    """An executor below the driver that has a castor below it."""
    processes = {}
    for name in os.listdir("/proc"):
        try:
            if name.isdigit():
                command = pathlib.Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
                parent = int(pathlib.Path(f"/proc/{name}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                processes[int(name)] = parent, command
        except OSError:
            pass

    def ancestors(process):
        while process in processes:
            process = processes[process][0]
            yield process

    for process, (_, command) in processes.items():
        if os.path.basename(command[0]).decode() == castor and b"embed" in command:
            above = list(ancestors(process))
            executors = [one for one in above if one in processes and any(b"CoarseGrainedExecutorBackend" in word for word in processes[one][1])]
            if executors and driver in above:
                return executors[0]
    return None


# MARK: Data

def make_texts(source, plain, count):
    """The input, and the same as a batch file of castor, where a damaged line without a key has one that begins with #."""
    random_ = random.Random(1)
    with open(source, "w") as lines, open(plain, "w") as requests:
        for number in range(count):
            if number % DAMAGED_EVERY == DAMAGED_EVERY // 2:
                text = DAMAGED[number // DAMAGED_EVERY % len(DAMAGED)]
                lines.write(text + "\n")
                key = f"#{number}" if "cut" in text or text[0] == "[" else json.loads(text)["key"]
                requests.write(json.dumps({"key": key, "request": {"content": {"parts": [{"text": ""}]}}}) + "\n")
                continue
            request = {"content": {"parts": [{"text": " ".join(random_.choices(WORDS, k=random_.randint(3, 40)))}]}}
            key = f"text-{number}"
            # Both forms.
            lines.write(json.dumps({"key": key, "request": request} if number % 2 else {"key": key, **request["content"]["parts"][0]}) + "\n")
            requests.write(json.dumps({"key": key, "request": request}) + "\n")


def make_pictures(folder, count):
    """Of 320 x 240, every hundredth one cut in the middle."""
    folder.mkdir()
    random_ = numpy.random.default_rng(1)
    y, x = numpy.mgrid[:240, :320]
    for number in range(count):
        base, step = random_.integers(0, 256, 3), random_.integers(2, 9, 2)
        bars = (x * step[0] // 320 + y * step[1] // 240) * 23
        pixels = numpy.stack([base[0] + bars, base[1] + x, base[2] ^ (x * y & 31)], axis=2).astype(numpy.uint8)
        data = png(pixels)
        (folder / f"picture-{number:06}.png").write_bytes(data[:len(data) // 2] if number % 100 == 50 or number == count - 1 else data)


def png(pixels):
    height, width, _ = pixels.shape
    rows = numpy.concatenate([numpy.zeros((height, 1), numpy.uint8), pixels.reshape(height, -1)], axis=1)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 1)) + chunk(b"IEND", b""))


if __name__ == "__main__":
    main()
