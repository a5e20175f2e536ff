"""Puts more than forty secrets into the server and looks for them in everything that comes out of it: answers of every
operation, errors, events, messages of jobs that fail, metrics, the log, the files it keeps; also in base64,
percent-encoded and backwards.

Usage: canaries.py BINARY
"""

import json
import os
import re
import socket
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import broker  # noqa: E402
import canary_peers  # noqa: E402
from canary_inputs import Canaries, damaged, profiles, tables  # noqa: E402
from server import Checks, Server, binary, free_port  # noqa: E402

FIELDS = [{"field_name": "a", "field_type": {"primitive": "Int64"}, "nullable": True}]
JSON = {"format": {"json": {}}, "fields": FIELDS}
AVRO = {"format": {"avro": {"confluent_schema_registry": True}}, "fields": FIELDS}
METHODS = {"get", "post", "put", "patch", "delete"}


class Walk:
    """Asks the server, keeps whatever it says, and notes which operations of its document have been answered well."""

    def __init__(self, server, checks, new):
        self.server, self.checks, self.new = server, checks, new
        self.outputs = []
        self.reached = set()
        document = json.loads(self("GET", "/api-docs/openapi.json")[2])
        self.operations = [
            (method.upper(), path.removeprefix("/api/v1")) for path, item in document["paths"].items()
            for method in item if method in METHODS]
        self.patterns = [
            (method, path, re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + r"(\?.*)?"))
            for method, path in sorted(self.operations, key=lambda one: one[1].count("{"))]
        self.reached.add(("GET", "/api-docs/openapi.json"))

    def note(self, method, path, status):
        if status // 100 == 2 and not path.startswith("http"):
            found = [one for one in self.patterns if one[0] == method and one[2].fullmatch(path)]
            if found:
                self.reached.add((method, found[0][1]))

    def __call__(self, method, path, body=None, expect=None, **more):
        status, headers, text = self.server.call(method, path, body, **more)
        self.outputs.append((f"{method} {path[:80]}", f"{headers}{text}"))
        if hasattr(self, "patterns"):
            self.note(method, path, status)
        if expect is not None:
            self.checks.equal(status, expect, f"{method} {path}: {text[:400]}")
        return status, headers, text

    def json(self, method, path, body=None):
        return json.loads(self(method, path, body, expect=200)[2])

    def follow(self, path, seconds, until=b""):
        """What a stream of events gives in so many seconds, or until it has given that."""
        connection = socket.create_connection(("127.0.0.1", self.server.port), timeout=0.5)
        connection.sendall(f"GET /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                           f"Authorization: Bearer {self.server.token}\r\nConnection: close\r\n\r\n".encode())
        data, deadline = b"", time.monotonic() + seconds
        while time.monotonic() < deadline and not (until and until in data):
            try:
                more = connection.recv(1 << 16)
            except TimeoutError:
                continue
            if not more:
                break
            data += more
        connection.close()
        self.outputs.append((f"events of {path}", data.decode(errors="replace")))
        self.note("GET", path, int(data[9:12] or b"0"))
        return data

    def unreached(self):
        return sorted(set(self.operations) - self.reached)


def seed(walk):
    """Profiles and tables of every connector with secrets, and requests that fail beside one."""
    kept, names = [], []
    for number, (connector, config) in enumerate(profiles(walk.new)):
        body = {"name": f"p{number}", "config": config}
        kept.append(walk.json("POST", f"/connectors/{connector}/profiles", body)["id"])
    for number, (connector, config, schema) in enumerate(tables(walk.new)):
        body = {"name": f"t{number}", "connector": connector, "config": config, "schema": schema}
        if connector == "kafka":
            body["connection_profile_id"] = kept[0]
        walk("POST", "/connection_tables", body, expect=200)
        names.append(f"t{number}")
    for path, body in damaged(walk.new):
        status, _, text = walk("POST", path, body)
        walk.checks.that(status in (200, 400), f"{path} {body['name']}: {status} {text}")
    for name in names:
        for query in [f"SELECT * FROM {name}", f"INSERT INTO {name} SELECT * FROM {name}", f"SELECT nope FROM {name}"]:
            walk("POST", "/pipelines/validate_query", {"query": query})
            walk("POST", "/pipelines", {"name": "x", "query": query, "parallelism": 1})
            walk("POST", "/query", {"query": query})
    while len(walk.new.made) < 44:
        walk("POST", "/connectors/confluent/profiles", {
            "name": f"more{len(walk.new.made)}",
            "config": {"bootstrap_servers": "127.0.0.1:1", "key": "k", "secret": walk.new()}}, expect=200)


def kafka_profile(walk, name, servers, password=None, **more):
    login = {"type": "none"} if password is None else {"type": "sasl", "sasl_config": {
        "mechanism": "PLAIN", "username": "user", "password": password, "protocol": "SASL_PLAINTEXT"}}
    body = {"name": name, "connector": "kafka", "config": {
        "bootstrap_servers": servers, "authentication": login, **more}}
    answer = walk.json("POST", "/connection_profiles", body)
    walk("POST", "/connection_profiles/test", body, expect=200)
    walk("GET", f"/connection_profiles/{answer['id']}/autocomplete")
    return answer["id"]


def kafka_table(walk, name, profile, topic, kind, schema=JSON, **config):
    sides = {"source_config": {"offset": "earliest"}, "sink_config": {}}
    body = {"name": name, "connector": "kafka", "connection_profile_id": profile, "schema": schema,
            "config": {"topic": topic, "type": {kind: sides[kind]}, **config}}
    walk("POST", "/connection_tables/test", body)
    return walk("POST", "/connection_tables", body)[0] == 200


def make(walk, name, query, **more):
    status, _, text = walk("POST", "/pipelines", {
        "name": name, "query": query, "parallelism": 1, "checkpoint_interval_micros": 200_000, **more})
    return json.loads(text) if status == 200 else None


def trouble(walk, registry, login, environment_secret):
    """Pipelines that fail by what their secrets open, or do not: nobody listens, a password is refused, a registry's
    too; a variable is not set."""
    for name, connector, config in [("beats", "impulse", {"event_rate": 50}), ("nothing", "blackhole", {})]:
        walk("POST", "/connection_tables", {"name": name, "connector": connector, "config": config}, expect=200)
    peers = {
        "nobody": kafka_profile(walk, "nobody", f"127.0.0.1:{free_port()}", walk.new()),
        "refused": kafka_profile(walk, "refused", f"127.0.0.1:{login.port}", walk.new()),
        "variable": kafka_profile(walk, "variable", f"127.0.0.1:{login.port}", "{{ CANARY_PASSWORD }}"),
        "unset": kafka_profile(walk, "unset", f"127.0.0.1:{login.port}", "{{ CANARY_UNSET }}" + walk.new()),
        "registry": kafka_profile(
            walk, "registry", f"127.0.0.1:{login.port}",
            schema_registry={"endpoint": registry.endpoint, "api_key": "key", "api_secret": walk.new()}),
    }
    made = []
    for name, profile in peers.items():
        schema = AVRO if name == "registry" else JSON
        for kind, query in [
                ("source_config", f"INSERT INTO nothing SELECT a FROM of_{name}_source"),
                ("sink_config", f"INSERT INTO of_{name}_sink SELECT CAST(counter AS BIGINT) AS a FROM beats")]:
            table = f"of_{name}_{kind.split('_')[0]}"
            stored = kafka_table(walk, table, profile, "orders", kind, schema)
            walk.checks.that(stored or name == "registry", f"table {table} is stored")
            if stored:
                walk("POST", "/pipelines/validate_query", {"query": query}, expect=200)
                made.append(make(walk, table, query))
    made = [one for one in made if one]
    walk.checks.that(len(made) >= 6, f"{len(made)} pipelines that fail")
    deadline, told = time.monotonic() + 25, {}
    while time.monotonic() < deadline and len(told) < len(made):
        for one in made:
            job = json.loads(walk("GET", f"/pipelines/{one['id']}/jobs", expect=200)[2])["data"][0]
            entries = json.loads(walk("GET", f"/pipelines/{one['id']}/jobs/{job['id']}/errors", expect=200)[2])["data"]
            if job["failureMessage"] or entries:
                told[one["name"]] = job["failureMessage"] or entries[0]["message"]
        time.sleep(0.5)
    for one in made:
        walk.checks.that(one["name"] in told, f"{one['name']} says why it does not run")
    for name, message in told.items():
        print(f"  {name}: {message[:150]}")
    unset = [text for place, text in walk.outputs if "CANARY_UNSET is not set" in text]
    walk.checks.that(bool(unset), "a variable that is not set is named")
    walk.checks.that(environment_secret.encode() in login.seen, "the broker has been given what stands in the variable")
    walk.checks.that(any("key:" in plain for plain in registry.seen), "the registry has been given a password")
    return made


def live(walk, kafka):
    """A pipeline that runs over Kafka with secrets in its profile, and previews of it."""
    from confluent_kafka import Producer
    from confluent_kafka.admin import AdminClient, NewTopic
    servers = f"127.0.0.1:{kafka.port}"
    admin = AdminClient({"bootstrap.servers": servers})
    for future in admin.create_topics([NewTopic("in", 1, 1), NewTopic("out", 1, 1)]).values():
        future.result(20)
    producer = Producer({"bootstrap.servers": servers})
    for number in range(500):
        producer.produce("in", b'{"a": %d}' % number)
    producer.produce("in", b'{"a": "not a number"}')
    producer.flush(20)
    profile = kafka_profile(walk, "live", servers, connection_properties={
        "sasl.password": walk.new(), "ssl.key.password": "{{ CANARY_PASSWORD }}"})
    kafka_table(walk, "incoming", profile, "in", "source_config", {**JSON, "bad_data": {"drop": {}}})
    kafka_table(walk, "outgoing", profile, "out", "sink_config", client_configs={"ssl.keystore.password": walk.new()})
    made = make(walk, "live", "INSERT INTO outgoing SELECT a FROM incoming")
    walk.checks.that(made is not None, "the pipeline over Kafka is made")
    job = walk.server.wait_for(made["id"], "Running")["id"]
    path = f"/pipelines/{made['id']}/jobs/{job}"
    deadline, epochs = time.monotonic() + 20, []
    while not epochs and time.monotonic() < deadline:
        epochs = [one["epoch"] for one in walk.json("GET", path + "/checkpoints")["data"] if one["finishTime"]]
        time.sleep(0.1)
    walk("GET", f"{path}/checkpoints/{max(epochs, default=0)}/operator_checkpoint_groups", expect=200)
    preview = walk.json("POST", "/pipelines/preview", {"query": "SELECT a FROM incoming"})
    shown = walk.server.wait_for(preview["id"], "Running")["id"]
    rows = walk.follow(f"/pipelines/{preview['id']}/jobs/{shown}/output", 10, until=b'\\"a\\":499')
    walk.checks.that(b'\\"a\\":499' in rows, f"the preview gives rows: {rows[-500:]}")
    tapped = walk.follow(path + "/output?node_id=0", 1)
    walk.checks.that(b" 200 OK" in tapped, f"a tap answers: {tapped[:300]}")
    walk.follow(path + "/output", 0.5)
    for text in ["/errors", "/operator_metric_groups", "/diagnosis", "/errors?limit=1"]:
        walk("GET", path + text, expect=200)
    return made, preview


def everything(walk, made):
    """Every GET with the ids there are, and what changes and ends them."""
    ids = {}
    for kind in ["profiles", "tables"]:
        ids[kind] = [one["id"] for one in walk.json("GET", f"/connection_{kind}")["data"]]
    for kind, all_ids in ids.items():
        for one in all_ids + ["none_such"]:
            walk("GET", f"/connection_{kind}/{one}")
            walk("DELETE", f"/connection_{kind}/{one}") if one == "none_such" else None
    for one in made:
        path, jobs = f"/pipelines/{one['id']}", f"/pipelines/{one['id']}/jobs/{one['jobId']}"
        for text in [path, path + "/jobs", jobs + "/checkpoints", jobs + "/errors", jobs + "/operator_metric_groups",
                     jobs + "/diagnosis", jobs + "/checkpoints/1/operator_checkpoint_groups"]:
            walk("GET", text)
        walk("PATCH", path + "?dry_run=true", {"query": one["query"].replace("SELECT", "SELECT  ")})
        walk("PATCH", path, {"name": "renamed", "checkpoint_interval_micros": 300_000})
        walk("PATCH", path, {"parallelism": 2})
        walk("POST", path + "/restart", {"force": True})
    walk.json("POST", "/query", {"query": "SELECT 1 AS one"})
    walk("POST", "/connection_tables/schemas/test", JSON, expect=200)
    walk("POST", "/connectors/kafka/tables", {
        "name": "by_connector", "connection_profile_id": ids["profiles"][0], "schema": JSON,
        "config": {"topic": "t", "type": {"source_config": {"offset": "latest"}}}})
    walk("POST", "/connectors/impulse/tables", {"name": "by_impulse", "config": {"event_rate": 1}}, expect=200)
    for method, path in walk.operations:
        if method == "GET" and "{" not in path:
            walk("GET", path, expect=200)
    for path in ["/metrics", "/healthz", "/readyz"]:
        walk("GET", walk.server.url.removesuffix("/api/v1") + path, expect=200)
    for wrong in ["/pipelines/%2e%2e", "/connection_profiles/" + "x" * 3000, "/nope", "/pipelines?limit=zero"]:
        walk("GET", wrong)


def ending(walk):
    """Stops and deletes all there is; the answers count too."""
    made = walk.json("GET", "/pipelines?include_preview=true&limit=1000")["data"]
    for one in made:
        walk("PATCH", f"/pipelines/{one['id']}", {"stop": "checkpoint"})
        walk("PATCH", f"/pipelines/{one['id']}", {"stop": "force"})
    for one in made:
        job = walk.server.wait_for(one["id"], "Stopped", "Failed", "Finished", within=30)
        walk("GET", f"/pipelines/{one['id']}/jobs/{job['id']}/errors")
        walk.follow(f"/pipelines/{one['id']}/jobs/{job['id']}/output", 1, until=b"event: done")
        walk("DELETE", f"/pipelines/{one['id']}", expect=200)
    for kind in ["tables", "profiles"]:
        while listed := json.loads(walk("GET", f"/connection_{kind}")[2])["data"]:
            done = [walk("DELETE", f"/connection_{kind}/{one['id']}")[0] for one in listed]
            if 200 not in done:
                walk.checks.that(False, f"the {kind} cannot be deleted: {done}")
                break


def forbidden_files(server, checks):
    """Files outside of the roots are read neither through stored tables nor through those of a query's text."""
    outside = os.path.join(server.folder, "outside.txt")
    with open(outside, "w") as file:
        file.write("nobody may read this line\n")
    link = os.path.join(server.folder, "data", "link.txt")
    os.symlink(outside, link)
    for path in [outside, "/etc/passwd", link, "../outside.txt", "file:///etc/passwd",
                 os.path.dirname(link) + "/../outside.txt"]:
        text = (f"CREATE TABLE p (value TEXT) WITH (connector = 'single_file', path = '{path}', "
                "format = 'raw_string', type = 'source'); SELECT * FROM p")
        table = {"name": "f", "connector": "single_file", "config": {"path": path, "table_type": "source"},
                 "schema": {"format": {"raw_string": {}}, "fields": [
                     {"field_name": "value", "field_type": {"primitive": "Utf8"}}]}}
        for route, body in [("/query", {"query": text}), ("/pipelines/preview", {"query": text}),
                            ("/pipelines", {"name": "x", "query": text, "parallelism": 1}),
                            ("/connection_tables", table)]:
            status, _, answer = server.call("POST", route, body)
            checks.equal(status, 400, f"{route} with {path}: {answer[:200]}")


def search(walk):
    everything_said = "\n".join(text for _, text in walk.outputs)
    for secret in walk.new.made:
        for form in walk.new.forms(secret):
            if form in everything_said:
                for place, text in walk.outputs:
                    at = text.find(form)
                    walk.checks.that(
                        at < 0, f"{secret} came out as {form} in {place}: …{text[max(0, at - 150):at + 80]}")
            else:
                walk.checks.that(True, "")


def timed(what, body, *arguments):
    begin = time.monotonic()
    result = body(*arguments)
    print(f"{what}: {time.monotonic() - begin:.1f} s")
    return result


def main():
    checks = Checks()
    new = Canaries()
    checks.that(broker.find_program() is not None, "the broker of `make python` is installed")
    token = new()
    environment_secret = os.environ["CANARY_PASSWORD"] = new()
    with Server(binary(), token=token, LOGGING__LEVEL="debug", EGRESS__POLICY="any") as server, \
            canary_peers.Registry() as registry, canary_peers.Broker() as login, broker.Broker(free_port()) as kafka:
        server.start()
        walk = Walk(server, checks, new)
        timed("seed", seed, walk)
        walk("GET", "/pipelines", headers={"Authorization": f"Bearer {new()}"}, expect=401)
        walk("GET", f"/pipelines?token={urllib.parse.quote(new())}", headers={"Authorization": "Bearer x"}, expect=401)
        made = list(timed("live", live, walk, kafka))
        made += timed("trouble", trouble, walk, registry, login, environment_secret)
        forbidden_files(server, checks)
        timed("everything", everything, walk, made)
        listed = walk.json("GET", "/connection_profiles")["data"]
        checks.that(any("********" in json.dumps(item) for item in listed), "secrets are masked, not left out")
        keep_files(walk)
        timed("ending", ending, walk)
        server.stop()
        walk.outputs.append(("the log", server.log()))
        keep_files(walk)
        timed("search", search, walk)
        unreached = walk.unreached()
        print(f"{len(new.made)} secrets, {len(walk.outputs)} outputs, "
              f"{sum(len(text) for _, text in walk.outputs)} bytes searched; "
              f"{len(walk.operations) - len(unreached)} of {len(walk.operations)} operations answered with 2xx")
        checks.equal(unreached, [], "operations that were not reached with 2xx")
        checks.that(len(new.made) >= 40, "forty secrets")
    checks.finish()


def keep_files(walk):
    for folder, _, files in os.walk(os.path.join(walk.server.folder, "data")):
        for name in files:
            try:
                with open(os.path.join(folder, name), "rb") as file:
                    walk.outputs.append((os.path.join(folder, name), file.read().decode("latin-1")))
            except FileNotFoundError:
                pass


main()
