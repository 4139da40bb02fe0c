#!/usr/bin/env python3
"""How long `castor embed hello` takes from start to end, by turns for each program, or each model, that is named.

    tools/timing/start.py .build/release/castor [OTHER...] [--model FOLDER...] [--rounds 25]

Wall time and processor time of the whole process, medians and ranges, and the faults of pages. Standard library only.
"""
import argparse
import statistics

import process


def taken_by(command):
    """Wall and processor milliseconds, faults of pages, peak MiB."""
    wall, used = process.run(command)
    return 1e3 * wall, 1e3 * (used.ru_utime + used.ru_stime), used.ru_minflt, used.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs", nargs="+")
    parser.add_argument("--model", nargs="+", default=[None], help="folders; else the program's own")
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    cases = {(program, model): [] for model in options.model for program in options.programs}
    for round_ in range(options.rounds + 2):
        for (program, model), runs in cases.items():
            taken = taken_by([program, "embed", "hello", *(["--model", model] if model else [])])
            if round_ > 1:  # the first ones bring files into memory
                runs.append(taken)
    for (program, model), runs in cases.items():
        wall, processor, faults, memory = zip(*runs, strict=True)
        print(f"{program} {model or ''}: {statistics.median(wall):.0f} ms ({min(wall):.0f} to {max(wall):.0f}), "
              f"{statistics.median(processor):.0f} ms of processor time ({min(processor):.0f} to {max(processor):.0f}), "
              f"{statistics.median(faults):.0f} faults, {statistics.median(memory):.0f} MiB")


if __name__ == "__main__":
    main()
