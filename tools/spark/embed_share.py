#!/usr/bin/env python3
"""Embeds a share of an input without any engine: slices I, I + N, I + 2N, .. of all. One job of a Slurm array, or all on one machine.

    python tools/spark/embed_share.py texts.jsonl vectors
    python tools/spark/embed_share.py texts.jsonl vectors --share 3/64     # 0/64 to 63/64 are all

The cuts are those of embed.py, and so are the results: what one began another may finish.
"""

import argparse
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from bulk import options, process, results, slices, work  # noqa: E402

# As Spark has it.
TRIES = 4


def main():
    parser = options.parser(__doc__)
    parser.add_argument("--share", default=(0, 1), type=share, metavar="I/N", help="of the slices; I begins with 0")
    arguments = parser.parse_args()
    index, count = arguments.share
    plan = slices.plan(arguments.input, arguments.kind, arguments.slice_bytes, arguments.slice_files, arguments.output)
    chosen = options.from_arguments(arguments).with_model_identity()
    folder = results.Results(arguments.output, chosen.run)
    folder.begin(chosen.identity)
    todo = folder.missing(plan, arguments.replace, arguments.retry_failed)
    total = {}
    start = time.monotonic()
    for piece in todo:
        if piece.index % count == index:
            total = work.add(total, embed(piece, chosen, arguments.output))
    if count == 1:
        folder.end(plan)
    print(work.report(total, len(plan) - len(todo), time.monotonic() - start), file=sys.stderr)


def share(text):
    """An array that is numbered from 1 would leave slices out."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or int(match[1]) >= int(match[2]):
        raise argparse.ArgumentTypeError(f"must be I/N, I from 0 to N - 1, not {text!r}")
    return int(match[1]), int(match[2])


def embed(piece, chosen, output):
    for number in range(TRIES):
        try:
            return work.embed(piece, chosen, output, is_last_try=number == TRIES - 1)
        except process.ProcessEnded:
            if number == TRIES - 1:
                raise


if __name__ == "__main__":
    try:
        main()
    except work.EXPECTED as error:
        sys.exit(f"castor: {work.said(error)}")
    except KeyboardInterrupt:
        sys.exit("castor: stopped; what is done is kept, and the same command goes on from there")
