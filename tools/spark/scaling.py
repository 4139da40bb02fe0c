#!/usr/bin/env python3
"""Measures bulk embedding on this machine: processor time of a row, and rows a second on 1, 2, .. cores of Spark.

    python tools/spark/scaling.py PROGRAM --texts 40000 --pictures 2000

The processor time is that of castor by itself, and of castor with the reading, the parsing and the Parquet around it: other work on the machine
changes it little. Rows a second are by the clock, without Spark's start, and mean something on a quiet machine alone.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import check

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("castor", help="the program")
    parser.add_argument("--texts", type=int, default=20000)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--dimensions", default="3072")
    parser.add_argument("--half", action="store_true")
    arguments = parser.parse_args()
    castor = os.path.abspath(arguments.castor)
    options = ["--castor", castor, "--dimensions", arguments.dimensions, *(["--half"] if arguments.half else [])]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        texts, plain, pictures = folder / "texts.jsonl", folder / "plain.jsonl", folder / "pictures"
        if arguments.texts:
            check.make_texts(texts, plain, arguments.texts)
            print(f"{arguments.texts} texts of {texts.stat().st_size // arguments.texts} bytes a line, {arguments.dimensions} values a vector")
            alone = seconds([castor, "embed", "--threads", "1", "--dimensions", arguments.dimensions, "--batch", plain, "--output", folder / "one"])[0]
            (folder / "one").unlink()
            print(f"  castor alone: {alone / arguments.texts * 1000:.2f} ms of a processor a row")
            # Enough slices that cores end together.
            measure(texts, folder / "out", arguments.texts, [*options, "--slice-bytes", str(texts.stat().st_size // 16)])
        if arguments.pictures:
            check.make_pictures(pictures, arguments.pictures)
            size = sum(path.stat().st_size for path in pictures.iterdir())
            print(f"{arguments.pictures} pictures of 320 x 240, {size // arguments.pictures} bytes a file")
            measure(pictures, folder / "out", arguments.pictures, [*options, "--slice-files", str(arguments.pictures // 16)])


def measure(source, output, count, options):
    used, _, _ = seconds([sys.executable, HERE / "embed_share.py", source, output, *options])
    size = sum(path.stat().st_size for path in output.glob("part-*"))
    remove(output)
    print(f"  with reading, parsing and Parquet: {used / count * 1000:.2f} ms of a processor a row; {size / count:.0f} bytes of results a row")
    first = None
    for cores in range(1, len(os.sched_getaffinity(0)) + 1):
        _, taken, said = seconds([
            sys.executable, HERE / "embed.py", source, output, "--master", f"local[{cores}]", "--conf", "spark.ui.enabled=false",
            "--conf", "spark.ui.showConsoleProgress=false", *options], cores)
        remove(output)
        rate = count / float(re.findall(r"slices; ([\d.]+) s", said)[-1])
        first = first or rate
        print(f"  Spark on {cores} {'core' if cores == 1 else 'cores'}, a task each: {rate:.0f} rows/s, {rate / first:.2f} times one; {taken:.0f} s with Spark's start", flush=True)


def seconds(command, cores=None):
    """Of the processor, and on the clock, of a command that goes well, on so many cores; and what it said."""
    start = time.monotonic()
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    with tempfile.TemporaryFile() as said:
        # Python and castor of one task would have two cores otherwise.
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, preexec_fn=lambda: os.sched_setaffinity(0, allowed))
        _, status, usage = os.wait4(process.pid, 0)
        said.seek(0)
        text = said.read().decode()
    if status:
        sys.exit(f"{command[1]} failed:\n{text[-4000:]}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - start, text


def remove(output):
    for path in [*output.glob("part-*"), output / "_castor.json"]:
        path.unlink()


if __name__ == "__main__":
    main()
