#!/usr/bin/python3
"""How long `castor embed` takes for a clip and for documents, beside the programs that only decode or draw them.

    tools/timing/media.py .build/release/castor [--rounds 7] [--pin CORE]

The clip, 60 s of 1,920 x 1,080 H.264, 30 frames a second, groups of 250, is made by ffmpeg, the documents, six pages of A4 each, by
cairo: the same words drawn as outlines (no text layer), and 100 and 700 words a page. Rounds alternate between the programs,
because a shared machine drifts; wall time is that of the whole process from start to end, processor time and peak memory include
its children. Medians, and the median of each round's ratio. Runs with Debian's python3-cairo.
"""
import argparse
import os
import random
import statistics
import subprocess
import tempfile

import cairo
import process

SECONDS, RATE, FRAMES = 60, 30, 32
WORDS = (
    "time year day man thing life world hand part place case week company system program question work government number "
    "night point home water room mother area money story fact month lot right study book eye job word business issue side"
).split()


def make_clip(path):
    subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", f"testsrc2=size=1920x1080:rate={RATE}:duration={SECONDS}",
         "-c:v", "libx264", "-preset", "veryfast", "-g", "250", "-pix_fmt", "yuv420p", path], check=True)


def make_document(path, words, outlines):
    """Six pages with so many words each, in lines that fit."""
    random_ = random.Random(1)
    surface = cairo.PDFSurface(path, 595, 842)
    context = cairo.Context(surface)
    context.select_font_face("DejaVu Sans")
    context.set_font_size(8)
    for _ in range(6):
        left = [random_.choice(WORDS) for _ in range(words)]
        y = 40
        while left:
            line = " ".join(left[:16])
            context.move_to(40, y)
            if outlines:
                context.text_path(line)
                context.fill()
            else:
                context.show_text(line)
            left, y = left[16:], y + 17
        context.show_page()
    surface.finish()


def taken_by(command):
    """Wall seconds, processor seconds and peak bytes of a process with its children."""
    wall, used = process.run(command)
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("castor")
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--pin", type=int, help="everything on this core")
    options = arguments.parse_args()
    if options.pin is not None:
        os.sched_setaffinity(0, {options.pin})

    with tempfile.TemporaryDirectory() as folder:
        clip = f"{folder}/clip.mp4"
        make_clip(clip)
        documents = {}
        for name, words, outlines in (("no text layer", 700, True), ("100 words a page", 100, False),
                                      ("700 words a page", 700, False)):
            documents[name] = f"{folder}/{name.replace(' ', '-')}.pdf"
            make_document(documents[name], words, outlines)

        # The frames on display at the 32 moments that castor looks at.
        frames = "+".join(f"eq(n,{SECONDS * RATE * index // FRAMES})" for index in range(FRAMES))
        cases = [("text, for the start", [options.castor, "embed", "hello"], None)]
        cases.append((
            "clip, 32 frames", [options.castor, "embed", f"@{clip}"],
            ["ffmpeg", "-loglevel", "error", "-i", clip, "-vf", f"select='{frames}',scale=160:90", "-vsync", "0", "-frames:v",
             str(FRAMES), "-f", "rawvideo", "-pix_fmt", "rgb24", "-y", "/dev/null"]))
        for name, path in documents.items():
            cases.append((
                f"six pages, {name}", [options.castor, "embed", f"@{path}"],
                ["pdftoppm", "-r", "72", path, f"{folder}/page"]))

        measured = [([], []) for _ in cases]
        for round_ in range(options.rounds + 1):
            for (_, castor, other), (ours, theirs) in zip(cases, measured, strict=True):
                pair = taken_by(castor), taken_by(other) if other else None
                if round_ > 0:  # the first brings files and libraries into memory
                    ours.append(pair[0])
                    theirs.append(pair[1])
            print(f"round {round_} of {options.rounds}", flush=True)

        for (name, _, other), (ours, theirs) in zip(cases, measured, strict=True):
            print(f"\n{name}")
            for who, runs in (("castor", ours), (other[0] if other else None, theirs)):
                if who:
                    wall, processor, memory = (statistics.median(run[index] for run in runs) for index in range(3))
                    print(f"  {who:<9}{wall * 1000:9.0f} ms   {processor * 1000:7.0f} ms of processor time"
                          f"   {memory / 1e6:6.0f} MB")
            if other:
                for what, index in (("wall", 0), ("processor time", 1)):
                    ratios = sorted(a[index] / b[index] for a, b in zip(ours, theirs, strict=True))
                    print(f"  ratio of {what}: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
