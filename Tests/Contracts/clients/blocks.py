"""Runs blocks of a page's Python and prints, after `=`, what became of each: what it printed, and what its `search` finds.

Standard input is a JSON list of runs, each with names and a folder of its own: `first`, the block before all others; `texts` in the place of the
page's own, where there are any; `blocks`; `queries`, and how many results each is asked for, `count`; `environment`.
"""

import contextlib
import io
import json
import os
import sys
import tempfile


def run(first, blocks, texts, queries, count, environment):
    os.environ.update(environment)
    names = {"__name__": "__main__"}
    exec(compile(first, "first block", "exec"), names)
    if texts:
        names["TEXTS"] = texts
    outcome = []
    for number, block in enumerate(blocks):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, f"block {number}", "exec"), names)
        outcome.append({"printed": printed.getvalue(), "found": [names["search"](query, count) for query in queries]})
    return outcome


outcomes = []
with tempfile.TemporaryDirectory() as top:
    for asked in json.load(sys.stdin):
        os.chdir(tempfile.mkdtemp(dir=top))
        outcomes.append(run(**asked))
    os.chdir("/")
print("=" + json.dumps(outcomes))
