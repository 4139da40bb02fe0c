"""Runs Python from standard input and prints, after `=`, what it printed and what it left in `vectors`."""

import contextlib
import io
import json
import os
import sys
import tempfile

names = {"__name__": "__main__"}
printed = io.StringIO()
code = sys.stdin.read()
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "the page", "exec"), names)
    os.chdir("/")
vectors = [[float(value) for value in vector] for vector in names.get("vectors", [])]
print("=" + json.dumps({"printed": printed.getvalue(), "vectors": vectors}))
