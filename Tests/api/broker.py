"""A Kafka broker for tests, on 127.0.0.1, where the package that brings one is installed."""

import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time


def find_program():
    """The broker's program; nil when it is not installed."""
    found = glob.glob(os.path.join(sys.prefix, "lib", "python3*", "site-packages", "noida_db", "noida-db"))
    return found[0] if found else None


class Broker:
    def __init__(self, port):
        self.port, self.folder = port, tempfile.mkdtemp(prefix="laminar-broker-")

    def __enter__(self):
        self.start()
        return self

    def start(self):
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        self.process = subprocess.Popen(
            [find_program(), "start", "--data-dir", self.folder, "--host", "127.0.0.1", "--only", "kafka",
             "--kafka-port", str(self.port)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def restart(self):
        """Ends it and starts it again over what it had."""
        self.stop()
        self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False
