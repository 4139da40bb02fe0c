"""Stands in for `castor embed --batch -`: answers a row with the number of its letters and, at the wanted moment, does something else.

    filter.py STARTS BEHAVIOUR...    of the first start, the second, ..; the last one is that of all others

A behaviour is `well`, or what happens in place of the answer to the row of a number from 0: `dies:3`, `stalls:3`, `ends:3` (with status 0), `garbage:3`,
`other-key:3`, `half:3` (of a line), `no-number:3`; `one-more`; `dies-of:TEXT`; `refuses:STATUS`. STARTS is a file with a letter a start.
"""

import json
import os
import signal
import sys

with open(sys.argv[1], "a") as file:
    file.write("x")
start = os.path.getsize(sys.argv[1])
name, _, value = sys.argv[min(start + 1, len(sys.argv) - 1)].partition(":")
if name == "refuses":
    sys.exit(int(value))
answer = "one more"
for number, line in enumerate(sys.stdin.buffer):
    row = json.loads(line)
    text = row["request"]["content"]["parts"][0]["text"]
    answer = json.dumps({
        "key": row["key"], "response": {"embedding": {"values": [len(text), 0.5]}, "usageMetadata": {"promptTokenCount": 1}}})
    if name == "dies-of" and text == value:
        os.kill(os.getpid(), signal.SIGKILL)
    if value == str(number):
        if name == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "ends":
            break
        if name == "half":
            print(answer[:20], end="")
            break
        while name == "stalls":
            signal.pause()
        answer = {
            "garbage": "castor: something", "no-number": answer.replace("0.5", "null"),
            "other-key": json.dumps({**json.loads(answer), "key": "17"})}[name]
    print(answer, flush=True)
if name == "one-more":
    print(answer)
