"""The secrets that canaries.py puts into the server: in profiles, in tables, and beside what is wrong in requests."""

import base64
import json
import urllib.parse


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


def tables(new):
    """Tables whose configs hold secrets."""
    storage = lambda: {  # noqa: E731
        "aws_region": "us-east-1", "aws_access_key_id": "id", "aws_secret_access_key": new(), "azure_key": new()}
    schema = {"format": {"json": {}}, "fields": [
        {"field_name": "a", "field_type": {"primitive": "Int64"}, "nullable": True}]}
    return [
        ("delta", {"path": "s3://bucket/table", "storage_options": storage(), "type": "sink"}, schema),
        ("filesystem", {"table_type": {
            "type": "sink", "path": "s3://bucket/folder", "storage_options": storage()}}, schema),
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
        ("/connectors/rabbitmq/profiles", {"name": "bad6", "config": {
            "host": "h", "passwort": new(), "password": new()}}),
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
