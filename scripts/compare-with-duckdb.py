"""Runs the queries of .slt files in DuckDB and shows where the expected rows differ; for people, not for CI.

Usage: compare-with-duckdb.py FILE.slt … Differences are either bugs or matters of dialect (PostgreSQL's meaning wins).
"""

import datetime
import decimal
import sys

import duckdb


def records(text):
    """The (kind, SQL, expected lines) of a file."""
    lines = text.split("\n")
    index = 0
    while index < len(lines):
        if lines[index] == "" or lines[index].startswith("#"):
            index += 1
            continue
        kind = lines[index]
        index += 1
        sql, expected = [], []
        while index < len(lines) and lines[index] not in ("", "----"):
            sql.append(lines[index])
            index += 1
        if index < len(lines) and lines[index] == "----":
            index += 1
            while index < len(lines) and lines[index] != "":
                expected.append(lines[index])
                index += 1
        yield kind, "\n".join(sql), expected


def cell(value):
    """A value as the test files write it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, decimal.Decimal):
        return f"{float(value):.12g}"
    if isinstance(value, datetime.datetime):
        return str(value)
    return "(empty)" if value == "" else str(value)


def normal(word):
    """Numbers to twelve digits, so that types of equal value compare equal."""
    try:
        return f"{float(word):.12g}"
    except ValueError:
        return word


def main():
    for path in sys.argv[1:]:
        connection = duckdb.connect()
        connection.execute("SET integer_division = true")
        for kind, sql, expected in records(open(path).read()):
            try:
                rows = connection.execute(sql).fetchall()
            except duckdb.Error as error:
                if not kind.startswith("statement error"):
                    print(f"{path}: {sql}\n  DuckDB cannot: {str(error).splitlines()[0]}")
                continue
            if not kind.startswith("query"):
                continue
            theirs = [" ".join(normal(word) for word in " ".join(map(cell, row)).split(" ")) for row in rows]
            ours = [" ".join(normal(word) for word in line.split(" ")) for line in expected]
            if "rowsort" in kind:
                theirs, ours = sorted(theirs), sorted(ours)
            if theirs != ours:
                print(f"{path}: {sql}\n  expected {ours}\n  DuckDB   {theirs}")


main()
