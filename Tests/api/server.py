"""A laminar server for tests: started on a free loopback port, talked to, stopped, killed."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`settings` are environment variables without their LAMINAR__ prefix."""

    def __init__(self, binary, folder=None, token=None, **settings):
        self.binary = os.path.abspath(binary)
        self.is_own = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="laminar-api-")
        self.token = token
        self.port = free_port()
        self.settings = {
            "API__HTTP_PORT": str(self.port),
            "DATA_DIR": os.path.join(self.folder, "data"),
            **settings,
        }
        if token:
            self.settings |= {"API__AUTH_MODE": "static-api-key", "API__API_KEY": token}
        self.log_path = os.path.join(self.folder, "server.log")
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/api/v1"

    def start(self, within=15.0):
        """Starts it and waits for the first answer; gives the seconds that took."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("LAMINAR__")}
        environment |= {"LAMINAR__" + key: value for key, value in self.settings.items()}
        environment["HOME"] = self.folder
        begin = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve"], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        while True:
            try:
                with urllib.request.urlopen(self.url + "/ping", timeout=5) as answer:
                    answer.read()
                return time.monotonic() - begin
            except (OSError, urllib.error.URLError):
                pass
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.log()}")
            if time.monotonic() - begin > within:
                raise RuntimeError(f"the server does not answer:\n{self.log()}")
            time.sleep(0.002)

    def stop(self, within=12.0):
        """SIGTERM; gives the exit status and the seconds it took."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = None
        return status, time.monotonic() - begin

    def kill(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()
        if self.is_own:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, method, path, body=None, headers=None, timeout=30.0):
        """Status, headers and text of an answer; `path` is below /api/v1 unless it is a whole address."""
        address = path if path.startswith("http") else self.url + path
        headers = dict(headers or {})
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        request = urllib.request.Request(address, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, dict(answer.headers), answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read().decode(errors="replace")

    def json(self, method, path, body=None, expect=200):
        """The JSON of an answer that must have the status expected."""
        status, _, text = self.call(method, path, body)
        if status != expect:
            raise AssertionError(f"{method} {path}: expected {expect}, found {status}: {text[:2000]}")
        return json.loads(text) if text else None

    def job(self, pipeline):
        return self.json("GET", f"/pipelines/{pipeline}/jobs")["data"][0]

    def wait_for(self, pipeline, *states, within=30.0):
        """The job of a pipeline once it is in one of the states."""
        begin = time.monotonic()
        while True:
            job = self.job(pipeline)
            if job["state"] in states:
                return job
            if time.monotonic() - begin > within:
                raise AssertionError(f"the job is {job}, not in {states}")
            time.sleep(0.02)

    def resident_mebibytes(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024
        raise RuntimeError("no VmRSS")


class Checks:
    """Counts what holds and what does not; `finish` prints both and ends the program."""

    def __init__(self):
        self.passed = 0
        self.failed = []

    def that(self, condition, what):
        if condition:
            self.passed += 1
        else:
            self.failed.append(what)
            print("FAILED:", what, flush=True)

    def equal(self, found, expected, what):
        self.that(found == expected, f"{what}: expected {expected!r}, found {found!r}")

    def finish(self):
        print(f"{self.passed} checks passed, {len(self.failed)} failed")
        sys.exit(1 if self.failed else 0)


def binary():
    return sys.argv[1] if len(sys.argv) > 1 else os.environ["LAMINAR_BINARY"]
