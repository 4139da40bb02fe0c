"""One slice, from its rows to its file: what a task of Spark, Ray or Slurm does."""

import sys
import time

import pyarrow

from . import options, process, results, rows, slices


class OtherModel(Exception):
    """This worker would give vectors of another model than the others."""


# What a person can mend without reading this program: said in a line.
EXPECTED = (OSError, pyarrow.ArrowException, slices.BadInput, options.NoCastor, results.OtherResults, process.ProcessEnded, OtherModel)


def said(error):
    """An error's words as one line."""
    return " ".join(str(error).split())


def embed(piece, chosen, output, is_last_try=False):
    """Rows, errors, tokens and seconds of a slice. Raises process.ProcessEnded where castor ended twice, and is to be called again then.

    - is_last_try: nobody calls again, so that a row that ends castor is given up instead
    """
    chosen = chosen.here()
    found = options.model_identity(chosen.castor, chosen.model)
    if found != chosen.model_identity:
        raise OtherModel(f"the model here is {found}, that of the others {chosen.model_identity}")
    start = time.monotonic()
    pairs = process.answers(
        chosen.command, rows.working_folder(piece), rows.read(piece, chosen), chosen.stall_seconds, is_last_try,
        lambda text: print(f"castor: {piece.names[0]}: {text}", file=sys.stderr, flush=True))
    counts = results.Results(output, chosen.run).write(piece, pairs, chosen.half)
    return counts | {"slices": 1, "seconds": time.monotonic() - start}


def add(total, counts):
    return {name: total.get(name, 0) + value for name, value in counts.items()}


def report(total, skipped, seconds):
    """What a person wants to know at the end; the seconds are those of the slices, without the start of whatever ran them."""
    rows = total.get("rows", 0)
    text = f"{rows} rows, {total.get('errors', 0)} of them with errors, {total.get('tokens', 0)} tokens in {total.get('slices', 0)} slices"
    if skipped:
        text += f"; {skipped} slices were done before"
    return f"castor: {text}; {seconds:.1f} s, {rows / seconds:.0f} rows/s" if rows else f"castor: {text}; {seconds:.1f} s"
