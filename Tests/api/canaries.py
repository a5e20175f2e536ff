"""Puts forty secrets into the server and looks for them in everything that comes out of it: answers, errors, events, the
log, the database file; also in base64, percent-encoded and backwards."""

import base64
import json
import os
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import Checks, Server, binary  # noqa: E402


class Canaries:
    def __init__(self):
        self.made = []

    def __call__(self):
        secret = f"c4n4ry/{len(self.made):02d}+sEcReT{len(self.made) * 7919 % 1000:03d}"
        self.made.append(secret)
        return secret

    def forms(self, secret):
        yield secret
        yield secret[::-1]
        yield urllib.parse.quote(secret, safe="")
        yield json.dumps(secret).replace("/", "\\/").strip('"')
        for shift in range(3):
            # The middle of the base64 text of whatever the secret stands in.
            encoded = base64.b64encode(b"x" * shift + secret.encode()).decode()
            yield encoded[4 * (shift > 0) + (shift > 0):len(encoded) - 4]


def profiles(new):
    """Profiles of every connector that has secrets."""
    return [
        ("kafka", {"bootstrap_servers": "127.0.0.1:1", "authentication": {"type": "sasl", "sasl_config": {
            "mechanism": "PLAIN", "username": "user", "password": new(), "protocol": "SASL_SSL"}},
            "schema_registry": {"endpoint": "http://127.0.0.1:1", "api_key": "key", "api_secret": new()}}),
        ("confluent", {"bootstrap_servers": "127.0.0.1:1", "key": "k", "secret": new(),
                       "schema_registry": {"endpoint": "http://127.0.0.1:1", "api_key": "key", "api_secret": new()}}),
        ("iceberg", {"catalog": {"type": "rest", "rest_catalog_config": {
            "uri": "http://127.0.0.1:1", "token": new(), "credential": new()}}}),
        ("iceberg", {"catalog": {"type": "glue", "glue_catalog_config": {
            "database_name": "db", "region": "us-east-1", "access_key_id": "id", "secret_access_key": new()}}}),
        ("redis", {"address": "redis://127.0.0.1:1", "username": "u", "password": new()}),
        ("mqtt", {"url": "tcp://127.0.0.1:1", "username": "u", "password": new()}),
        ("nats", {"servers": "127.0.0.1:1", "authentication": {"username": "u", "password": new()}}),
        ("rabbitmq", {"host": "127.0.0.1", "port": 1, "virtual_host": "/", "username": "u", "password": new()}),
        ("kafka", {"bootstrap_servers": "127.0.0.1:1", "authentication": {"type": "none"},
                   "connection_properties": {"sasl.password": new(), "ssl.key.password": new()}}),
    ]


def tables(new, folder):
    """Tables whose configs hold secrets."""
    storage = lambda: {  # noqa: E731
        "aws_region": "us-east-1", "aws_access_key_id": "id", "aws_secret_access_key": new(), "azure_key": new()}
    schema = {"format": {"json": {}}, "fields": [
        {"field_name": "a", "field_type": {"primitive": "Int64"}, "nullable": True}]}
    return [
        ("delta", {"path": "s3://bucket/table", "storage_options": storage(), "type": "sink"}, schema),
        ("filesystem", {"table_type": {"type": "sink", "path": "s3://bucket/folder", "storage_options": storage()}}, schema),
        ("webhook", {"endpoint": "http://127.0.0.1:1/hook", "headers": f"Authorization: Bearer {new()}"}, schema),
        ("sse", {"endpoint": "http://127.0.0.1:1/", "headers": f"X-Key: {new()}"}, schema),
        ("websocket", {"endpoint": "ws://127.0.0.1:1/", "headers": f"X-Key: {new()}"}, schema),
        ("polling_http", {"endpoint": "http://127.0.0.1:1/", "headers": f"X-Key: {new()}"}, schema),
        ("kafka", {"topic": "t", "type": {"source_config": {"offset": "latest"}},
                   "client_configs": {"sasl.password": new()}}, schema),
    ]


def damaged(new):
    """Requests that fail, with a secret near what is wrong."""
    return [
        ("/connectors/kafka/profiles", {"name": "bad1", "config": {"bootstrap_servers": 7, "authentication": {
            "type": "sasl", "sasl_config": {"mechanism": "NOPE", "username": "u", "password": new(),
                                            "protocol": "SASL_SSL"}}}}),
        ("/connectors/confluent/profiles", {"name": "bad2", "config": {"bootstrap_servers": "x:1", "key": "k",
                                                                         "secret": [new()]}}),
        ("/connection_profiles", {"name": "bad3", "connector": "redis", "config": {"address": 1, "password": new()}}),
        ("/connection_profiles", {"name": "bad4", "connector": "nope", "config": {"password": new()}}),
        ("/connectors/iceberg/profiles", {"name": "bad5", "config": {"catalog": {
            "type": "rest", "rest_catalog_config": {"token": new()}}}}),
        ("/connectors/rabbitmq/profiles", {"name": "bad6", "config": {"host": "h", "passwort": new(), "password": new()}}),
        ("/connectors/kafka/profiles", {"name": "bad7", "config": {"bootstrap_servers": "h:1", "authentication": {
            "type": "sasl", "sasl_config": {"mechanism": "PLAIN", "username": "u", "password": {"deep": new()},
                                            "protocol": "SASL_SSL"}}}}),
        ("/connection_profiles/test", {"name": "bad8", "connector": "mqtt", "config": {
            "url": "tcp://127.0.0.1:1", "username": "u", "password": new()}}),
        ("/connection_profiles/test", {"name": "bad9", "connector": "kafka", "config": {
            "bootstrap_servers": "127.0.0.1:1", "authentication": {"type": "sasl", "sasl_config": {
                "mechanism": "PLAIN", "username": "u", "password": new(), "protocol": "SASL_PLAINTEXT"}}}}),
        ("/connection_tables/test", {"name": "bad10", "connector": "webhook", "config": {
            "endpoint": "http://127.0.0.1:1/", "headers": f"Authorization: Basic {new()}"},
            "schema": {"format": {"json": {}}, "fields": []}}),
        ("/connection_tables", {"name": "bad11", "connector": "delta", "config": {
            "path": 5, "storage_options": {"aws_secret_access_key": new()}}}),
        ("/connection_tables", {"name": "bad12", "connector": "polling_http", "config": {
            "endpoint": "http://127.0.0.1:1/", "headers": f"X-Key: {new()}", "poll_interval_ms": "often"}}),
    ]


def seed(server, new, keep, checks):
    made = 0
    kept = []
    for number, (connector, config) in enumerate(profiles(new)):
        status, _, text = keep("POST", f"/connectors/{connector}/profiles", {"name": f"p{number}", "config": config})
        checks.equal(status, 200, f"profile {number} of {connector}: {text}")
        made += status == 200
        if status == 200:
            kept.append(json.loads(text)["id"])
    names = []
    for number, (connector, config, schema) in enumerate(tables(new, server.folder)):
        body = {"name": f"t{number}", "connector": connector, "config": config, "schema": schema}
        status, _, text = keep("POST", "/connection_tables", body)
        if connector == "kafka" and status == 400:
            body["connection_profile_id"] = kept[0]
            status, _, text = keep("POST", "/connection_tables", body)
        checks.equal(status, 200, f"table {number} of {connector}: {text}")
        if status == 200:
            names.append(f"t{number}")
    for path, body in damaged(new):
        status, _, text = keep("POST", path, body)
        checks.that(status in (200, 400), f"{path} {body['name']}: {status} {text}")
    return kept, names


def ask_everything(server, keep, kept, names):
    """Every GET of the document with real ids, plans over the tables, and errors."""
    for name in names:
        for query in [f"SELECT * FROM {name}", f"INSERT INTO {name} SELECT * FROM {name}", f"SELECT nope FROM {name}"]:
            keep("POST", "/pipelines/validate_query", {"query": query})
            keep("POST", "/pipelines", {"name": "x", "query": query, "parallelism": 1})
            keep("POST", "/pipelines/preview", {"query": query})
    pipelines = [item["id"] for item in json.loads(keep("GET", "/pipelines?include_preview=true")[2])["data"]]
    ids = {"{id}": kept + ["prof_none"], "{pipeline_id}": pipelines}
    document = json.loads(keep("GET", "/api-docs/openapi.json")[2])
    for path, item in document["paths"].items():
        if "get" not in item or "/output" in path:
            continue
        path = path.removeprefix("/api/v1")
        candidates = [path]
        if "{" in path and "connection_profiles" in path:
            candidates = [path.replace(path[path.index("{"):path.index("}") + 1], one) for one in ids["{id}"]]
        if "{" in path and "connection_tables" in path:
            listed = json.loads(keep("GET", "/connection_tables")[2])["data"]
            candidates = [path.replace(path[path.index("{"):path.index("}") + 1], one["id"]) for one in listed]
        for candidate in candidates:
            keep("GET", server.url.removesuffix("/api/v1") + candidate if candidate.startswith("/metrics") else candidate)
    for wrong in ["/pipelines/%2e%2e", "/connection_profiles/" + "x" * 3000, "/nope", "/pipelines?limit=zero"]:
        keep("GET", wrong)


def forbidden_files(server, checks):
    """Files outside of the roots are read neither through stored tables nor through those of a query's text."""
    outside = os.path.join(server.folder, "outside.txt")
    with open(outside, "w") as file:
        file.write("nobody may read this line\n")
    link = os.path.join(server.folder, "data", "link.txt")
    os.symlink(outside, link)
    for path in [outside, "/etc/passwd", link, "../outside.txt", "file:///etc/passwd", os.path.dirname(link) + "/../outside.txt"]:
        text = (f"CREATE TABLE p (value TEXT) WITH (connector = 'single_file', path = '{path}', "
                "format = 'raw_string', type = 'source'); SELECT * FROM p")
        for route, body in [("/query", {"query": text}), ("/pipelines/preview", {"query": text}),
                            ("/pipelines", {"name": "x", "query": text, "parallelism": 1}),
                            ("/connection_tables", {"name": "f", "connector": "single_file", "config": {
                                "path": path, "table_type": "source"}, "schema": {"format": {"raw_string": {}}, "fields": [
                                    {"field_name": "value", "field_type": {"primitive": "Utf8"}}]}})]:
            status, _, answer = server.call("POST", route, body)
            checks.equal(status, 400, f"{route} with {path}: {answer[:200]}")


def main():
    checks = Checks()
    new = Canaries()
    token = new()
    outputs = []
    environment_secret = new()
    os.environ["CANARY_PASSWORD"] = environment_secret
    with Server(binary(), token=token, LOGGING__LEVEL="debug", EGRESS__POLICY="any") as server:
        server.start()

        def keep(method, path, body=None):
            answer = server.call(method, path, body)
            outputs.append((f"{method} {path[:80]}", f"{answer[1]}{answer[2]}"))
            return answer

        kept, names = seed(server, new, keep, checks)
        status, _, text = keep("POST", "/connectors/redis/profiles", {
            "name": "env", "config": {"address": "redis://127.0.0.1:1", "password": "{{ CANARY_PASSWORD }}"}})
        checks.equal(status, 200, f"a profile with a variable: {text}")
        keep("POST", "/connection_profiles/test", {
            "name": "env", "connector": "redis",
            "config": {"address": "redis://127.0.0.1:1", "password": "{{ CANARY_PASSWORD }}"}})
        wrong = new()
        outputs.append(("wrong token", str(server.call("GET", "/pipelines", headers={"Authorization": f"Bearer {wrong}"}))))
        outputs.append(("token in the query", str(server.call(
            "GET", f"/pipelines?token={urllib.parse.quote(new())}", headers={"Authorization": "Bearer x"}))))
        while len(new.made) < 40:
            keep("POST", "/connectors/confluent/profiles", {
                "name": f"more{len(new.made)}", "config": {"bootstrap_servers": "127.0.0.1:1", "key": "k", "secret": new()}})
        ask_everything(server, keep, kept, names)
        forbidden_files(server, checks)
        listed = json.loads(keep("GET", "/connection_profiles")[2])["data"]
        checks.that(any("********" in json.dumps(item) for item in listed), "secrets are masked, not left out")
        server.stop()
        outputs.append(("the log", server.log()))
        for folder, _, files in os.walk(os.path.join(server.folder, "data")):
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    outputs.append((os.path.join(folder, name), file.read().decode("latin-1")))
        search(checks, new, outputs)
        print(f"{len(new.made)} secrets, {len(outputs)} outputs, {sum(len(text) for _, text in outputs)} bytes searched")
        checks.that(len(new.made) >= 40, "forty secrets")
    checks.finish()


def search(checks, new, outputs):
    for secret in new.made:
        for form in new.forms(secret):
            for place, text in outputs:
                checks.that(form not in text, f"{secret} came out as {form} in {place}")


main()
