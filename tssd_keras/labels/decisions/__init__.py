"""Decisions that people made on suspects, from the file to the run, one module a step.

`table` reads the rows of a CSV file, `checks` holds a row against the labels, `reading` makes
columns of the rows, `uses` says what a run does with each decision, `weights` what a decided
golden sample stands for.
"""
