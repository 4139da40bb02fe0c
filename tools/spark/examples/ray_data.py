#!/usr/bin/env python3
"""The same as embed.py on Ray Data: a slice is an item, a task embeds it.

    python tools/spark/examples/ray_data.py texts.jsonl vectors                            here
    ray job submit --runtime-env-json '{"working_dir": "tools/spark"}' -- python examples/ray_data.py s3://in s3://out

Ray starts a task again whose worker or whose castor ended. Results that are there are not computed again.
"""

import pathlib
import sys
import time

MODULES = str(pathlib.Path(__file__).resolve().parents[1])
sys.path.insert(0, MODULES)

import ray  # noqa: E402

from bulk import options, process, results, slices, work  # noqa: E402


def main():
    parser = options.parser(__doc__)
    parser.add_argument("--address", help="of a cluster; default: RAY_ADDRESS, else this machine")
    arguments = parser.parse_args()
    ray.init(arguments.address, runtime_env={"env_vars": {"PYTHONPATH": MODULES}}, log_to_driver=False)
    plan = slices.plan(arguments.input, arguments.kind, arguments.slice_bytes, arguments.slice_files, arguments.output)
    chosen = ray.get(ray.remote(options.Options.with_model_identity).remote(options.from_arguments(arguments)))
    folder = results.Results(arguments.output, chosen.run)
    folder.begin(chosen.identity)
    todo = folder.missing(plan, arguments.replace, arguments.retry_failed)
    output = str(pathlib.Path(arguments.output).resolve()) if slices.is_local(arguments.output) else arguments.output
    total = {}
    start = time.monotonic()
    if todo:
        data = ray.data.from_items([{"place": place} for place in range(len(todo))], override_num_blocks=len(todo))
        # Slices are objects of our own; Ray sends the list to each worker once.
        pieces = ray.put(todo)
        done = data.map(
            lambda row: work.embed(ray.get(pieces)[row["place"]], chosen, output),
            num_cpus=chosen.threads, max_retries=3, retry_exceptions=[process.ProcessEnded])
        for counts in done.iter_rows():
            total = work.add(total, counts)
    folder.end(plan)
    print(work.report(total, len(plan) - len(todo), time.monotonic() - start), file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except work.EXPECTED as error:
        sys.exit(f"castor: {work.said(error)}")
