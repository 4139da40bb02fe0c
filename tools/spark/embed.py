#!/usr/bin/env python3
"""Embeds a JSONL or Parquet file, or a folder, on Spark: one castor for each task, one Parquet file for each slice.

    python tools/spark/embed.py texts.jsonl vectors
    spark-submit --master yarn --conf spark.task.cpus=2 tools/spark/embed.py hdfs:///texts hdfs:///vectors --threads 2

Spark cuts nothing, moves no rows and writes nothing: its tasks are slices that this program made, each read, embedded and written by the worker
that it fell to. So rows stay in order, a file is there whole or not at all, and a second run computes what is missing. docs/scale.md says more.
"""

import argparse
import os
import pathlib
import re
import sys
import tempfile
import time
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from py4j.protocol import Py4JError, Py4JJavaError  # noqa: E402
from pyspark import TaskContext  # noqa: E402
from pyspark.errors import PySparkException  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402

from bulk import options, results, slices, work  # noqa: E402


def session(arguments):
    # Workers run what runs here, unless somebody said otherwise.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("castor embed")
    if arguments.master:
        builder = builder.master(arguments.master)
    for name, value in arguments.conf:
        builder = builder.config(name, value)
    session = builder.config("spark.task.cpus", arguments.threads).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def setting(text):
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, not {text!r}")
    return name, value


def most_tries(context):
    """How often Spark starts a task at most. In its own process it gives none a second chance, unless the master says how many: local[2,4]."""
    if local := re.fullmatch(r"local(?:\[[^,\]]*(?:,\s*(\d+))?\])?", context.master):
        return int(local[1] or 1)
    return int(context.getConf().get("spark.task.maxFailures", "4"))


def send_modules(context, folder):
    archive = pathlib.Path(folder) / "bulk.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for module in sorted(pathlib.Path(options.__file__).parent.glob("*.py")):
            file.write(module, f"bulk/{module.name}")
    context.addPyFile(str(archive))


def main():
    parser = options.parser(__doc__)
    parser.add_argument("--master", help="as spark-submit's, where that does not start this program: local[2], local-cluster[3,1,1024], ..")
    parser.add_argument("--conf", action="append", default=[], type=setting, metavar="NAME=VALUE", help="a setting of Spark; may be repeated")
    arguments = parser.parse_args()
    plan = slices.plan(arguments.input, arguments.kind, arguments.slice_bytes, arguments.slice_files, arguments.output)
    spark = session(arguments)
    context = spark.sparkContext
    chosen = options.from_arguments(arguments)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            send_modules(context, scratch)
            # Where castor and its model are is known at the workers alone.
            chosen = context.parallelize([chosen], 1).map(lambda asked: asked.with_model_identity()).collect()[0]
            folder = results.Results(arguments.output, chosen.run)
            folder.begin(chosen.identity)
            todo = folder.missing(plan, arguments.replace, arguments.retry_failed)
            tries = most_tries(context)
            output = arguments.output if "://" in arguments.output else os.path.abspath(arguments.output)

            def embed(pieces):
                is_last_try = TaskContext.get().attemptNumber() >= tries - 1
                return [work.embed(piece, chosen, output, is_last_try) for piece in pieces]

            total = {}
            # Without Spark's own start.
            start = time.monotonic()
            if todo:
                for counts in context.parallelize(todo, len(todo)).mapPartitions(embed).collect():
                    total = work.add(total, counts)
            folder.end(plan)
    finally:
        spark.stop()
    print(work.report(total, len(plan) - len(todo), time.monotonic() - start), file=sys.stderr)


def reason(error):
    """What a task raised, of all that Spark says about it."""
    said = re.search(r"Traceback \(most.*?^(\w[^\n]*)", str(error.java_exception), re.MULTILINE | re.DOTALL)
    # Without the name of the exception, which says nothing to who did not write it.
    return re.sub(r"^[\w.]+(: |$)", "", said[1]) or said[1] if said else str(error.java_exception).splitlines()[0]


if __name__ == "__main__":
    try:
        main()
    except work.EXPECTED as error:
        sys.exit(f"castor: {work.said(error)}")
    except PySparkException as error:
        sys.exit(f"castor: Spark does not start: {work.said(error)}; see above. It needs Java 17, and a --master that it knows")
    except Py4JJavaError as error:
        sys.exit(f"castor: {reason(error)}; what is done is kept, and the same command goes on from there")
    except (KeyboardInterrupt, Py4JError):
        # Ctrl-C ends the JVM, too, and what comes first here is chance. It may also have been killed.
        sys.exit("castor: stopped, or Spark has ended; what is done is kept, and the same command goes on from there")
