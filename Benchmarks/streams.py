"""Measures what state costs a stream: checkpoints, going on after a kill, delay, spilling; prints Markdown tables.

Runs that are compared take turns. Processor time stands beside the clock's: other work on the machine disturbs it less.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

LAMINAR = str(pathlib.Path(sys.argv[1]).resolve())
SECTIONS = sys.argv[2:]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
# Shrinks or stretches every run; figures of the documentation are taken with 1.
SCALE = float(os.environ.get("BENCH_SCALE", "1"))

NEXMARK = """SET runtime_mode = 'streaming';
CREATE TABLE nexmark WITH (connector = 'nexmark', type = 'source', events_num = {events}, base_time = 1700000000000);
CREATE TABLE out ({columns}) WITH (connector = 'blackhole', type = 'sink');
INSERT INTO out {query};
"""

# Millions of events for some seconds of run, columns of the sink, query.
QUERIES = {
    "q5": (
        40,
        "auction BIGINT, num BIGINT",
        """WITH counts AS (
            SELECT bid.auction AS auction, hop(INTERVAL '2 seconds', INTERVAL '10 seconds') AS w, count(*) AS num
            FROM nexmark WHERE bid IS NOT NULL GROUP BY bid.auction, w)
        SELECT c.auction, c.num FROM counts c
        JOIN (SELECT w, max(num) AS most FROM counts GROUP BY w) m ON c.w = m.w AND c.num = m.most""",
    ),
    "q7": (
        40,
        "auction BIGINT, price BIGINT, bidder BIGINT",
        """SELECT b.auction, b.price, b.bidder FROM (
            SELECT bid.auction AS auction, bid.price AS price, bid.bidder AS bidder,
                tumble(INTERVAL '10 seconds') AS w, count(*) AS n
            FROM nexmark WHERE bid IS NOT NULL GROUP BY bid.auction, bid.price, bid.bidder, w) b
        JOIN (SELECT max(bid.price) AS price, tumble(INTERVAL '10 seconds') AS w FROM nexmark
            WHERE bid IS NOT NULL GROUP BY w) m ON b.w = m.w AND b.price = m.price""",
    ),
    "q8": (
        120,
        "id BIGINT, name TEXT, at TIMESTAMP",
        """SELECT p.id, p.name, p.w.start FROM (
            SELECT person.id AS id, person.name AS name, tumble(INTERVAL '10 seconds') AS w, count(*) AS n
            FROM nexmark WHERE person IS NOT NULL GROUP BY person.id, person.name, w) p
        JOIN (SELECT auction.seller AS seller, tumble(INTERVAL '10 seconds') AS w, count(*) AS n
            FROM nexmark WHERE auction IS NOT NULL GROUP BY auction.seller, w) a ON p.id = a.seller AND p.w = a.w""",
    ),
}

# The first keys come once each; then a part of them over and over. A product modulo a prime is as good as random, so
# that no file is small because its numbers lie close together.
LARGE = """SET runtime_mode = 'streaming';
SET updating_ttl = 'none';
CREATE TABLE impulse WITH (connector = 'impulse', type = 'source', event_rate = {rate}, event_time_interval = 1);
CREATE TABLE out (k BIGINT PRIMARY KEY, n BIGINT, least BIGINT, most BIGINT)
    WITH (connector = 'stdout', format = 'debezium_json', type = 'sink');
INSERT INTO out SELECT k, n, least, most FROM (
    SELECT k, count(*) AS n, min(v) AS least, max(v) AS most FROM (
        SELECT CASE WHEN counter < {keys} THEN counter ELSE counter % {hot} END * 2654435761 % 4294967291 AS k,
            counter * 2654435789 % 4294967279 AS v FROM impulse)
    GROUP BY k) WHERE n > 1;
"""

# Rows, keys, query: each with a state somewhat above four times the budget.
SPILLING = {
    "tumbling aggregate by key": (
        600_000,
        500_000,
        "SELECT k, tumble(INTERVAL '1 hour') AS w, count(*) AS n, max(v) AS most FROM rows GROUP BY k, w",
    ),
    "updating aggregate": (
        600_000,
        400_000,
        "SELECT k, count(*) AS n, max(v) AS most FROM rows GROUP BY k",
    ),
    "updating join": (
        300_000,
        300_000,
        "SELECT a.k, 1 AS n, a.v || b.v AS most FROM rows a JOIN (SELECT k, v FROM others) b ON a.k = b.k",
    ),
}

# What is left of the results comes as one last row that does not depend on their order.
SPILLED = """SET runtime_mode = 'streaming';
SET updating_ttl = 'none';
CREATE TABLE i WITH (connector = 'impulse', message_count = {rows}, event_time_interval = 1, base_time = 0,
    type = 'source');
CREATE TABLE j WITH (connector = 'impulse', message_count = {rows}, event_time_interval = 1, base_time = 0,
    type = 'source');
CREATE VIEW rows AS SELECT lpad(CAST(counter % {keys} AS TEXT), 100, 'k') AS k,
    lpad(CAST(counter AS TEXT), 100, 'v') AS v FROM i;
CREATE VIEW others AS SELECT lpad(CAST(counter * 7 % {keys} AS TEXT), 100, 'k') AS k,
    lpad(CAST(counter AS TEXT), 100, 'u') AS v FROM j;
SELECT count(*) AS rows, sum(n) AS n, sum(hash64(k || most) % 1000003 * n) AS hash FROM ({query});
"""

LATENCY = """SET runtime_mode = 'streaming';
CREATE TABLE arriving (t BIGINT, n BIGINT)
    WITH (connector = 'single_file', path = '-', format = 'json', type = 'source');
CREATE TABLE leaving (t BIGINT, n BIGINT) WITH (connector = 'stdout', format = 'json', type = 'sink');
INSERT INTO leaving SELECT t, n FROM arriving WHERE n >= 10;
"""

# As many windows come out whatever their width, all with the same keys.
PANES = """CREATE TABLE impulse WITH (connector = 'impulse', type = 'source', message_count = {rows},
    event_time_interval = 100, base_time = 0);
CREATE TABLE out (k BIGINT UNSIGNED, n BIGINT) WITH (connector = 'blackhole', type = 'sink');
INSERT INTO out SELECT k, n FROM (
    SELECT counter % 1000 AS k, hop(INTERVAL '1 second', INTERVAL '{width} seconds') AS w, count(*) AS n
    FROM impulse GROUP BY k, w);
"""


def start(sql, *options, threads=1, **pipes):
    """Starts a process of its own; its errors come out with ours."""
    command = [LAMINAR, "run", "-p", "1", "-e", sql, *options]
    if threads:
        command += ["--set", f"engine.threads={threads}"]
    return subprocess.Popen(command, **pipes)


def finish(process, sql):
    """Waits for the end: processor seconds."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"laminar failed on: {sql}")
    return usage.ru_utime + usage.ru_stime


def resident(process, field="VmRSS"):
    """A process's resident memory, or with VmHWM the most it has been, in MB; 0 when it is gone."""
    try:
        for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0


def timed(sql, *options):
    """Seconds by the clock and of the processor."""
    begin = time.perf_counter()
    process = start(sql, *options, stdout=subprocess.DEVNULL)
    cpu = finish(process, sql)
    return time.perf_counter() - begin, cpu


class Checkpoints:
    """Watches a state folder: bytes written and time taken by each checkpoint, while a process runs."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.known = set()
        # Epoch, bytes written, bytes of all files, seconds from the first file to the manifest, when it stood.
        self.seen = []

    def look(self):
        if not self.folder.exists():
            return
        for path in self.folder.glob("manifest-*"):
            if path.name in self.known:
                continue
            try:
                lines = [line.split() for line in path.read_text().splitlines()]
                stood = path.stat().st_mtime
            except OSError:
                continue
            self.known.add(path.name)
            values = {line[0]: line[1] for line in lines if len(line) == 2}
            epoch, generation = values.get("epoch", "0"), values.get("generation", "0")
            files = [(line[4], int(line[1])) for line in lines if line[0] == "file"]
            own = [entry for entry in files if entry[0].startswith(f"{epoch}-{generation}-")]
            if epoch == "0" or not own:
                continue
            births = [born(self.folder / "files" / name) for name, _ in own]
            seconds = stood - min((birth for birth in births if birth), default=stood)
            self.seen.append((int(epoch), sum(e[1] for e in own), sum(e[1] for e in files), seconds, stood))

    def wait(self, isDone, seconds=120):
        """Looks until something is so; whether it came to be."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look()
            if isDone():
                return True
            time.sleep(0.02)
        return False


def born(path):
    """When a file was made, which Python does not tell; 0 when it is gone."""
    result = subprocess.run(["stat", "-c", "%.9W", path], capture_output=True, text=True)
    return float(result.stdout) if result.returncode == 0 else 0


def percent(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))]


def checkpoint_cost(folder):
    """Nexmark with a checkpoint a second beside none."""
    print("| Nexmark to blackhole, one thread | M events | without | checkpoint each second | taken | throughput lost "
          "(aim: 10 %) | processor time more |")
    print("|---|---|---|---|---|---|---|")
    for name, (millions, columns, query) in QUERIES.items():
        sql = NEXMARK.format(events=int(millions * 1_000_000 * SCALE), columns=columns, query=query)
        plain, kept, epochs = [], [], []
        for _ in range(ROUNDS):
            plain.append(timed(sql))
            state = folder / "cost"
            kept.append(timed(sql, "--state-dir", str(state), "--checkpoint-interval", "1000"))
            epochs.append(max(int(line.split()[1]) for path in state.glob("manifest-*")
                              for line in path.read_text().splitlines() if line.startswith("epoch ")))
            shutil.rmtree(state)
        lost = statistics.median(1 - a[0] / b[0] for a, b in zip(plain, kept))
        more = statistics.median(b[1] / a[1] - 1 for a, b in zip(plain, kept))
        print(f"| {name} | {millions * SCALE:.0f} | {statistics.median(a[0] for a in plain):.1f} s | "
              f"{statistics.median(b[0] for b in kept):.1f} s | {statistics.median(epochs):.0f} | {lost * 100:.0f} % | "
              f"{more * 100:.0f} % |", flush=True)
    print()


class Output:
    """Reads what a process writes, and notes when the first of it came."""

    def __init__(self, process):
        self.first = None
        self.pipe = process.stdout.fileno()
        threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        while os.read(self.pipe, 1 << 20):
            self.first = self.first or time.time()


def build(sql, state, count, *options):
    """Runs until so many checkpoints began a second after the last new key: the process, those before, those after."""
    process = start(sql, "--state-dir", str(state), "--checkpoint-interval", "1000", *options, threads=None,
                    stdout=subprocess.PIPE)
    # Only keys that come again give rows, so the first row says that all are there.
    output = Output(process)
    watch = Checkpoints(state)

    def after():
        return [c for c in watch.seen if output.first and c[4] - c[3] > output.first + 1]

    if not watch.wait(lambda: len(after()) >= count or process.poll() is not None, 180) or process.poll() is not None:
        sys.exit("the state was not built in 180 seconds")
    return process, [c for c in watch.seen if c not in after()], after()


def incremental(folder):
    """Checkpoints of a large state of which little changes."""
    keys = int(4_000_000 * SCALE)
    print(f"| Checkpoints of an updating aggregate of {keys / 1e6:.1f} M keys, one a second | written | of | "
          "seconds from the first file to the manifest |")
    print("|---|---|---|---|")
    state = folder / "incremental"
    process, building, after = build(LARGE.format(rate=1_000_000, keys=keys, hot=10_000), state, 15)
    size = resident(process)
    process.kill()
    process.wait()
    for label, rows in (("while it is built", building), ("10 000 keys change", after)):
        for part, value in (("median", 0.5), ("largest", 1.0)):
            if rows:
                print(f"| {label}, {part} of {len(rows)} | {percent([r[1] for r in rows], value) / 1e6:.1f} MB | "
                      f"{percent([r[2] for r in rows], value) / 1e6:.0f} MB | "
                      f"{percent([r[3] for r in rows], value):.2f} |")
    print(f"| resident memory {size:.0f} MB | | | |\n", flush=True)
    shutil.rmtree(state)


def recovery(folder):
    """From exec to the first new row after kill -9."""
    print("| Going on after kill -9, updating aggregate | keys | resident | files | seconds to the first new row "
          "(aim for 100 MB: 2) | largest |")
    print("|---|---|---|---|---|---|")
    flush = "pipeline.update-aggregate-flush-interval-millis=100"
    for label, keys, rounds in (("100 MB", 300_000, ROUNDS), ("1 GB", 4_000_000, min(ROUNDS, 3))):
        keys = int(keys * SCALE)
        state = folder / "recovery"
        sql = LARGE.format(rate=1_000_000, keys=keys, hot=1000)
        process, _, after = build(sql, state, 2, "--set", flush)
        size = resident(process)
        process.kill()
        process.wait()
        seconds = []
        for _ in range(rounds):
            begin = time.monotonic()
            process = start(sql, "--state-dir", str(state), "--checkpoint-interval", "1000", "--set", flush,
                            threads=None, stdout=subprocess.PIPE)
            if not os.read(process.stdout.fileno(), 1):
                sys.exit("no row came after going on")
            seconds.append(time.monotonic() - begin)
            process.kill()
            process.wait()
        print(f"| {label} | {keys / 1e6:.1f} M | {size:.0f} MB | {after[-1][2] / 1e6:.0f} MB | "
              f"{statistics.median(seconds):.2f} | {max(seconds):.2f} |", flush=True)
        shutil.rmtree(state)
    print()


def delays(command, seconds):
    """Sends 100 rows each millisecond through a program; delay of every row that comes out, in milliseconds."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    # In a process of its own, as two threads of one Python would wait for one another.
    feeder = os.fork()
    if feeder == 0:
        feed(process.stdin.fileno(), seconds)
        os._exit(0)
    process.stdin.close()
    chunks = []
    while True:
        chunk = os.read(process.stdout.fileno(), 1 << 20)
        if not chunk:
            break
        chunks.append((time.monotonic_ns(), chunk))
    process.wait()
    os.waitpid(feeder, 0)
    rest = b""
    found = []
    for arrived, chunk in chunks:
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        found += [(arrived - int(line[5 : line.index(b",")])) / 1e6 for line in lines]
    return found


def feed(output, seconds):
    rows = [b'{"t":@,"n":%d}\n' % n for n in range(100)]
    template = b"".join(rows)
    begin = time.monotonic_ns()
    for tick in range(int(seconds * 1000)):
        due = begin + tick * 1_000_000
        wait = due - time.monotonic_ns()
        if wait > 0:
            time.sleep(wait / 1e9)
        # When the rows set out; a feeder that woke up late does not count against the pipeline.
        left = template.replace(b"@", b"%d" % time.monotonic_ns())
        while left:
            left = left[os.write(output, left):]


def latency(folder):
    """Delay of rows at 100 000 a second through a filter, beside the same rows through cat."""
    seconds = 5 * SCALE
    command = [LAMINAR, "run", "-e", LATENCY]
    ours, short, cat = [], [], []
    for _ in range(ROUNDS):
        ours.append(delays(command, seconds))
        short.append(delays([*command, "--set", "pipeline.source-batch-linger-millis=10"], seconds))
        cat.append(delays(["cat"], seconds))
    print(f"| Delay of rows, 100 000 a second, pipe to pipe, milliseconds (median of {ROUNDS} rounds) | p50 | p99 "
          "(aim: 20) | largest |")
    print("|---|---|---|---|")
    names = ("JSON in, filter, JSON out, default settings", "with a linger time of 10 ms", "the same rows through cat")
    for label, rounds in zip(names, (ours, short, cat)):
        figures = [statistics.median(percent(r, part) for r in rounds) for part in (0.5, 0.99, 1.0)]
        print(f"| {label} | {figures[0]:.1f} | {figures[1]:.1f} | {figures[2]:.1f} |")
    print(f"| best round's p99 | | {min(percent(r, 0.99) for r in ours):.1f} | |\n", flush=True)


def last_row(sql, *options):
    """The last row that comes out, the seconds, processor seconds and peak resident MB."""
    begin = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = start(sql, *options, stdout=output)
        peak = 0
        while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
            peak = max(peak, resident(process, "VmHWM"))
            time.sleep(0.01)
        cpu = finish(process, sql)
        seconds = time.perf_counter() - begin
        output.seek(0)
        line = output.read().splitlines()[-1].decode()
    return line[line.index('"after":') :].split(',"op"')[0], seconds, cpu, peak


def spilling(folder):
    """The same results within a budget of memory that is a quarter of the state."""
    print("| State beyond a budget of 64 MB, one thread | same rows | peak MB, no limit | peak MB | seconds, no limit | "
          "seconds | processor seconds, no limit | processor seconds |")
    print("|---|---|---|---|---|---|---|---|")
    for name, (rows, keys, query) in SPILLING.items():
        sql = SPILLED.format(rows=int(rows * SCALE), keys=int(keys * SCALE), query=query)
        free, limited = [], []
        for _ in range(min(ROUNDS, 3)):
            free.append(last_row(sql))
            limited.append(last_row(sql, "--set", "pipeline.max-state-memory=64MB"))
        same = len({run[0] for run in free + limited}) == 1
        columns = [statistics.median(run[index] for run in runs) for index in (3, 1, 2) for runs in (free, limited)]
        print(f"| {name} | {'yes' if same else 'NO'} | {columns[0]:.0f} | {columns[1]:.0f} | {columns[2]:.1f} | "
              f"{columns[3]:.1f} | {columns[4]:.1f} | {columns[5]:.1f} |", flush=True)
    print()


def panes(folder):
    """What windows cost by how many panes they are made of."""
    widths = (10, 60, 300, 600)
    seconds = {width: [] for width in widths}
    for _ in range(min(ROUNDS, 3)):
        for width in widths:
            sql = PANES.format(rows=int(6_000_000 * SCALE), width=width)
            seconds[width].append(finish(start(sql), sql))
    print("| A window a second, 1000 keys, 10 000 rows a second of event time | windows | processor seconds |")
    print("|---|---|---|")
    for width in widths:
        count = int(600 * SCALE) + width - 1
        print(f"| {width} panes | {count} | {statistics.median(seconds[width]):.2f} |", flush=True)
    print()


ALL = {
    "cost": checkpoint_cost,
    "panes": panes,
    "incremental": incremental,
    "recovery": recovery,
    "latency": latency,
    "spilling": spilling,
}


def main():
    with tempfile.TemporaryDirectory() as name:
        for section in SECTIONS or ALL:
            ALL[section](pathlib.Path(name))


main()
