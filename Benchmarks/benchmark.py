"""Measures laminar beside DuckDB on one thread, and on its own; prints Markdown tables.

Ratios compare runs that alternate within one call of this script; absolute figures depend on the machine.
"""

import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import duckdb

LAMINAR = sys.argv[1]
ROOT = pathlib.Path(__file__).resolve().parent.parent
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
EVENTS = int(os.environ.get("BENCH_EVENTS", "20000000"))
# The flights file repeated, so that starting a process does not count for much.
COPIES = 5

FLIGHTS = """CREATE TABLE flights (sched_dep TIMESTAMP NOT NULL, origin TEXT, dep_delay BIGINT, distance BIGINT,
    WATERMARK FOR sched_dep AS sched_dep - INTERVAL '{delay}')
    WITH (connector = 'single_file', path = '{path}', format = 'json', type = 'source');
CREATE TABLE out ({columns}) WITH (connector = 'blackhole', type = 'sink');
"""

NEXMARK = """CREATE TABLE nexmark WITH (connector = 'nexmark', type = 'source', events_num = {events});
CREATE TABLE out ({columns}) WITH (connector = 'blackhole', type = 'sink');
INSERT INTO out {query};
"""

QUERIES = {
    "q0": (
        "auction BIGINT, bidder BIGINT, price BIGINT, datetime TIMESTAMP",
        "SELECT bid.auction, bid.bidder, bid.price, bid.datetime FROM nexmark WHERE bid IS NOT NULL",
        3.0,
    ),
    "q1": (
        "auction BIGINT, bidder BIGINT, price DOUBLE, datetime TIMESTAMP",
        "SELECT bid.auction, bid.bidder, 0.908 * bid.price, bid.datetime FROM nexmark WHERE bid IS NOT NULL",
        3.0,
    ),
    "q2": (
        "auction BIGINT, price BIGINT",
        "SELECT bid.auction, bid.price FROM nexmark WHERE bid.auction % 123 = 0",
        3.0,
    ),
    "q5": (
        "auction BIGINT, num BIGINT",
        """WITH counts AS (
            SELECT bid.auction AS auction, hop(INTERVAL '2 seconds', INTERVAL '10 seconds') AS w, count(*) AS num
            FROM nexmark WHERE bid IS NOT NULL GROUP BY bid.auction, w)
        SELECT c.auction, c.num FROM counts c
        JOIN (SELECT w, max(num) AS most FROM counts GROUP BY w) m ON c.w = m.w AND c.num = m.most""",
        1.5,
    ),
    "q17": (
        "auction BIGINT, day TIMESTAMP, n BIGINT, n1 BIGINT, n2 BIGINT, n3 BIGINT, low BIGINT, high BIGINT, "
        "average DOUBLE, total BIGINT",
        """SELECT bid.auction, date_trunc('day', bid.datetime) AS day, count(*),
            count(*) FILTER (WHERE bid.price < 10000),
            count(*) FILTER (WHERE bid.price >= 10000 AND bid.price < 1000000),
            count(*) FILTER (WHERE bid.price >= 1000000),
            min(bid.price), max(bid.price), avg(bid.price), sum(bid.price)
        FROM nexmark WHERE bid IS NOT NULL GROUP BY bid.auction, day""",
        1.5,
    ),
}


def run(sql, watches_memory=False):
    """Runs SQL on one thread in a process of its own: seconds and peak resident memory in MB."""
    start = time.perf_counter()
    command = [LAMINAR, "run", "-p", "1", "--set", "engine.threads=1", "-e", sql]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    while watches_memory and process.poll() is None:
        # The kernel's own high-water mark; what wait4 reports includes the Python that started the process.
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    peak = max(peak, int(line.split()[1]) / 1024)
        time.sleep(0.005)
    status = process.wait()
    elapsed = time.perf_counter() - start
    if status != 0:
        sys.exit(f"laminar failed on: {sql}")
    return elapsed, peak


def flights_file(folder, copies):
    path = folder / f"flights-{copies}.jsonl"
    plain = subprocess.run(
        ["zstd", "-dc", ROOT / "fixtures/data/flights.jsonl.zst"], check=True, capture_output=True
    ).stdout
    with open(path, "wb") as file:
        for _ in range(copies):
            file.write(plain)
    return path


def against_duckdb(path):
    """JSON scan, filter, tumbling count: laminar's whole process against DuckDB's query alone."""
    table = FLIGHTS.format(path=path, delay="400 days", columns="hour TIMESTAMP, origin TEXT, flights BIGINT")
    ours = table + """INSERT INTO out SELECT w.start, origin, n FROM (
        SELECT tumble(INTERVAL '1 hour') AS w, origin, count(*) AS n FROM flights WHERE distance > 500
        GROUP BY w, origin)"""
    theirs = f"""SELECT time_bucket(INTERVAL '1 hour', sched_dep) AS hour, origin, count(*) FROM read_json('{path}',
        format = 'newline_delimited', columns = {{sched_dep: 'TIMESTAMP', origin: 'VARCHAR', dep_delay: 'BIGINT',
        distance: 'BIGINT'}}) WHERE distance > 500 GROUP BY ALL"""
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    laminar, duck = [], []
    for _ in range(ROUNDS + 1):
        laminar.append(run(ours)[0])
        start = time.perf_counter()
        connection.execute(theirs).fetchall()
        duck.append(time.perf_counter() - start)
    # The first round warms the caches.
    return statistics.median(laminar[1:]), statistics.median(duck[1:])


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        path = flights_file(folder, COPIES)
        size = path.stat().st_size / 1e6
        ours, theirs = against_duckdb(path)
        print(f"| JSON scan + filter + tumbling count, {size:.0f} MB | seconds |")
        print("|---|---|")
        print(f"| laminar, one thread, whole process | {ours:.3f} |")
        print(f"| DuckDB {duckdb.__version__}, one thread, query only | {theirs:.3f} |")
        print(f"| laminar's speed over DuckDB's (aim: 1.0) | {theirs / ours:.2f} |\n")

        print(f"| Nexmark source to blackhole, {EVENTS // 1_000_000} M events, one thread | M events/s | aim |")
        print("|---|---|---|")
        for query, (columns, sql, aim) in QUERIES.items():
            text = NEXMARK.format(events=EVENTS, columns=columns, query=sql)
            best = min(run(text)[0] for _ in range(3))
            print(f"| {query} | {EVENTS / best / 1e6:.1f} | {aim} |")

        print("\n| Peak resident memory of a stateless pipeline (JSON file, filter, blackhole) | MB | aim |")
        print("|---|---|---|")
        for copies in (1, COPIES):
            file = flights_file(folder, copies)
            columns = "sched_dep TIMESTAMP, origin TEXT, dep_delay BIGINT"
            sql = FLIGHTS.format(path=file, delay="22 hours", columns=columns)
            sql += "INSERT INTO out SELECT sched_dep, origin, dep_delay FROM flights WHERE dep_delay > 10"
            print(f"| {file.stat().st_size / 1e6:.0f} MB of input | {run(sql, watches_memory=True)[1]:.0f} | 100 |")

        starts = sorted(run("SELECT 1")[0] for _ in range(21))
        print("\n| Start of the binary to the end of SELECT 1 | ms | aim |")
        print("|---|---|---|")
        print(f"| median of {len(starts)} | {starts[len(starts) // 2] * 1000:.0f} | 100 |")


main()
