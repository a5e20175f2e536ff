"""Runs the queries of .slt files in DuckDB and shows where the expected rows differ; for people, not for CI.

Usage: compare-with-duckdb.py FILE.slt … Differences are either bugs or matters of dialect (PostgreSQL's meaning wins).
"""

import datetime
import decimal
import re
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
    if isinstance(value, list):
        return "[" + ",".join(map(cell, value)) + "]"
    if isinstance(value, (datetime.datetime, datetime.timedelta)):
        text = str(value) if isinstance(value, datetime.datetime) else str(value)
        if isinstance(value, datetime.timedelta) and len(text.split(":")[0]) == 1:
            text = "0" + text
        return text.rstrip("0") if "." in text else text
    return "(empty)" if value == "" else str(value)


def normal(word):
    """Numbers to twelve digits, so that types of equal value compare equal."""
    try:
        return f"{float(word):.12g}"
    except ValueError:
        return word


def translated(sql):
    """Tables of files as views over them, temporal joins as DuckDB's ASOF joins; `at` is a keyword there."""
    sql = re.sub(r"\bat\b", '"at"', sql).replace("LEFT ANTI JOIN", "ANTI JOIN")
    table = re.match(r"CREATE (?:TEMPORARY )?TABLE (\w+) \((.*)\)\s*WITH \((.*)\)$", sql, re.S)
    path = table and re.search(r"path = '([^']*\.(?:jsonl|csv))'", table[3])
    if path:
        types = re.findall(r"([\w\"]+) (BIGINT|INT|SMALLINT|DOUBLE|TEXT|TIMESTAMP)\b", table[2])
        rows = f"read_csv('{path[1]}')" if path[1].endswith("csv") else f"read_json('{path[1]}')"
        if "debezium" in table[3]:
            rows = f"(SELECT unnest(after) FROM {rows})"
        columns = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in types)
        return f"CREATE VIEW {table[1]} AS SELECT {columns} FROM {rows}"
    versions = r"(LEFT )?JOIN (\w+) FOR SYSTEM_TIME AS OF ([\w.\"]+)(?: AS)? (\w+) ON (.*?)(?= WHERE | JOIN |$)"
    return re.sub(versions, r'ASOF \1JOIN \2 \4 ON \5 AND \3 >= \4."at"', sql)


def main():
    for path in sys.argv[1:]:
        connection = duckdb.connect()
        connection.execute("SET integer_division = true")
        for kind, sql, expected in records(open(path).read()):
            try:
                rows = connection.execute(translated(sql)).fetchall()
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
