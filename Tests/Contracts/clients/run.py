"""Runs every check_* of a client's module and prints, after `=`, what became of them.

    run.py MODULE URL
"""

import asyncio
import importlib
import inspect
import json
import sys
import traceback


def main(module, url):
    module = importlib.import_module(module)
    outcome = {}
    for name, check in inspect.getmembers(module, inspect.isfunction):
        if not name.startswith("check_"):
            continue
        try:
            result = check(url)
            if inspect.iscoroutine(result):
                asyncio.run(result)
            outcome[name[6:]] = None
        except BaseException:
            outcome[name[6:]] = traceback.format_exc()[-3000:]
    print("=" + json.dumps(outcome))


main(*sys.argv[1:])
