"""Bulk embedding: slices of an input, each through `castor embed --batch -`, each to a Parquet file of its own.

options -> slices -> rows -> process -> results, and work, which joins them. Nothing here knows Spark, Ray or Slurm.
"""
