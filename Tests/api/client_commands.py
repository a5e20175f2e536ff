"""The client commands against a server: where its address comes from, and what each shows as a table and as JSON.

Usage: client_commands.py BINARY
"""

import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import Checks, Server, binary, free_port  # noqa: E402

KEY = "client-key-0123456789"


class Client:
    """Runs commands in a folder of its own, which has a file of settings and nothing else."""

    def __init__(self, server, checks):
        self.server, self.checks = server, checks
        self.folder = os.path.join(server.folder, "client")
        os.makedirs(self.folder)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def __call__(self, *words, status=0, timeout=30):
        environment = {"PATH": os.environ["PATH"], "HOME": self.folder}
        result = subprocess.run(
            [self.server.binary, *words], cwd=self.folder, env=environment, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=timeout)
        self.checks.equal(
            result.returncode, status, f"{' '.join(words)}: {result.stdout[-300:]} {result.stderr[-500:]}")
        return result.stdout if status == 0 else result.stderr

    def json(self, *words):
        text = self(*words, "--json")
        try:
            return json.loads(text)
        except ValueError:
            self.checks.that(False, f"{' '.join(words)} --json is not JSON: {text[:300]}")
            return {}

    def table(self, *words):
        """The lines of a table as lists of cells, which two blanks or more part."""
        return [re.split(r"\s{2,}", line.strip()) for line in self(*words).splitlines() if line.strip()]


def settings(client, checks):
    """The address and the key come from each file in turn; what comes later overrules what came before."""
    wrong = f'[client]\nserver = "http://127.0.0.1:{free_port()}"\ntoken = "{KEY}"\n'
    right = f'[client]\nserver = "{client.server.url.removesuffix("/api/v1")}"\ntoken = "{KEY}"\n'
    checks.that("cannot reach" in client("pipelines", "list", status=1), "without settings nobody is there")
    client.write(".config/laminar/config.toml", right)
    client("pipelines", "list")
    client.write("laminar.toml", wrong)
    checks.that("cannot reach" in client("pipelines", "list", status=1), "laminar.toml overrules the user's own file")
    named = client.write("elsewhere/my.toml", right)
    client("pipelines", "list", "--config", named)
    yaml = client.write("elsewhere/my.yaml", right.replace("[client]", "client:").replace("server = ", "  server: ")
                        .replace("token = ", "  token: "))
    client("pipelines", "list", "--config", yaml)
    nobody = client.write("elsewhere/other.toml", right.replace(KEY, "another-key-0123456789"))
    checks.that("key" in client("pipelines", "list", "--config", nobody, status=1).lower(), "a wrong key is told")
    client.write("laminar.toml", right)


def wait(client, name, *states):
    deadline = time.monotonic() + 30
    while (state := client.json("pipelines", "get", name)["state"]) not in states:
        if time.monotonic() > deadline:
            client.checks.that(False, f"{name} is {state}, not in {states}")
            return
        time.sleep(0.1)


def figures(client, checks):
    """metrics, output and diagnosis of a pipeline that runs."""
    client("connections", "tables", "create", "ticks", "--connector", "impulse", "--options", '{"event_rate": 200}')
    client("connections", "tables", "create", "nothing", "--connector", "blackhole")
    client("pipelines", "create", "flow", "-e", "INSERT INTO nothing SELECT counter FROM ticks WHERE counter >= 0")
    client("pipelines", "create", "shown", "-e", "SELECT counter, counter % 2 AS odd FROM ticks")
    for name in ["flow", "shown"]:
        checks.equal(client("pipelines", "start", name, "--wait"), "Running\n", f"start of {name}")
    time.sleep(2.5)
    head, *rows = client.table("pipelines", "metrics", "flow")
    checks.equal(head[:2], ["NODE", "OPERATOR"], "the first columns of metrics")
    checks.that({"MESSAGES_SENT", "MESSAGES_RECV", "BACKPRESSURE"} <= set(head), f"columns of metrics: {head}")
    checks.that({"impulse", "blackhole"} <= {row[1] for row in rows}, f"operators of metrics: {rows}")
    source = next((row for row in rows if row[1] == "impulse"), [])
    sent = source[head.index("MESSAGES_SENT")] if len(source) == len(head) else "0"
    checks.that(100 <= float(sent.replace(",", "")) <= 300, f"messages sent at 200 a second: {sent} in {source}")
    nodes = client.json("pipelines", "metrics", "flow")["data"]
    groups = {group["name"] for node in nodes for group in node["metricGroups"]}
    checks.equal({name.upper() for name in groups}, set(head[2:]), "figures of the table and of JSON")
    for words in [("output",), ("pipelines", "output")]:
        lines = client(*words, "shown", "-n", "5").splitlines()
        numbers = [json.loads(line)["counter"] for line in lines]
        checks.that(len(numbers) == 5 and numbers == list(range(numbers[0], numbers[0] + 5)),
                    f"rows of {words}: {lines}")
    row = json.loads(client("output", "shown", "--json", "-n", "1"))
    checks.equal(sorted(row), ["counter", "odd"], "a row of output --json")
    tapped = json.loads(client("output", "flow", "--node", "0", "-n", "1"))
    checks.that("counter" in tapped, f"a row of a node: {tapped}")
    checks.that("node_id" in client("output", "flow", status=1),
                "output of a pipeline without a preview says what to do")
    text = client("jobs", "diagnosis", "flow")
    answer = client.json("jobs", "diagnosis", "flow")
    for found in [text, answer["text"]]:
        checks.that("2 Sink nothing (blackhole)" in found and "no rows have come out for" in found,
                    f"diagnosis: {found}")


def changes(client, checks):
    """update and restart."""
    query = "INSERT INTO nothing SELECT counter + 1 AS counter FROM ticks"
    shown = client("pipelines", "update", "flow", "--dry-run", "-e", query)
    checks.that("STATE" in shown and "impulse" in shown, f"what would become of it: {shown}")
    checks.that("counter >= 0" in client.json("pipelines", "get", "flow")["query"], "a dry run changes nothing")
    before = client.json("jobs", "list", "flow")["data"][0]["runId"]
    client("pipelines", "update", "flow", "-p", "2", "--name", "flow2", "--checkpoint-interval", "500ms")
    value = client.json("pipelines", "get", "flow2")
    checks.equal((value["parallelism"], value["checkpoint_interval_micros"]), (2, 500_000), "what update changed")
    deadline = time.monotonic() + 30
    while (job := client.json("jobs", "list", "flow2")["data"][0])["runId"] == before or job["state"] != "Running":
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    checks.that(job["runId"] > before and job["state"] == "Running", f"a run with the new parallelism: {job}")
    checks.equal(client.json("pipelines", "update", "flow2", "--name", "flow")["name"], "flow", "update --json")
    checks.that("nothing to change" in client("pipelines", "update", "flow", status=64), "update without a change")
    checks.equal(client("pipelines", "restart", "flow"), "", "restart says nothing")
    checks.equal(client.json("pipelines", "restart", "flow", "--force")["name"], "flow", "restart --json")
    wait(client, "flow", "Running")
    last = client.json("jobs", "list", "flow")["data"][0]["runId"]
    checks.that(last > job["runId"], f"restarts make new runs: {last} after {job['runId']}")
    head, *rows = client.table("jobs", "list", "flow")
    checks.equal((head[:4], rows[0][2]), (["ID", "PIPELINE", "RUN", "STATE"], str(last)), "the table of jobs")


def messages(client, checks):
    """logs of a pipeline that fails, newest last."""
    query = "INSERT INTO nothing SELECT counter / (counter - counter) AS x FROM ticks"
    client("pipelines", "create", "broken", "-e", query)
    wait(client, "broken", "Failed", "Recovering")
    deadline = time.monotonic() + 20
    while not (lines := client("pipelines", "logs", "broken").splitlines()) and time.monotonic() < deadline:
        time.sleep(0.2)
    checks.that(any("ERROR" in line or "WARN" in line for line in lines) and any("zero" in line for line in lines),
                f"logs tell the failure: {lines}")
    entries = client.json("pipelines", "logs", "broken")["data"]
    checks.that(entries and all({"level", "message", "createdAt"} <= set(entry) for entry in entries),
                f"logs --json: {entries}")
    one = client.json("pipelines", "logs", "broken", "-n", "1")["data"]
    checks.equal(len(one), 1, "logs -n 1")
    told = client("pipelines", "logs", "nothing-such", status=2)
    checks.that("there is no pipeline 'nothing-such'" in told, f"an unknown pipeline: {told}")


def main():
    checks = Checks()
    with Server(binary(), token=KEY) as server:
        server.start()
        client = Client(server, checks)
        settings(client, checks)
        figures(client, checks)
        changes(client, checks)
        messages(client, checks)
    checks.finish()


main()
