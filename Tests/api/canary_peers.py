"""Peers that a server with secrets talks to, and that tell on it: they repeat in their errors what they were sent."""

import base64
import http.server
import json
import socket
import struct
import threading


class Registry:
    """A schema registry that refuses everybody and says with what they came."""

    def __enter__(self):
        seen = self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                given = self.headers.get("Authorization", "")
                plain = base64.b64decode(given.removeprefix("Basic ")).decode(errors="replace")
                seen.append(plain)
                text = json.dumps({"error_code": 40101, "message": f"not for '{given}', which is {plain}"}).encode()
                self.send_response(401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Broker:
    """As much of a Kafka broker as a client needs to log in with a password, which is refused and repeated."""

    VERSIONS = [(3, 0, 1), (17, 0, 1), (18, 0, 0), (36, 0, 0)]

    def __enter__(self):
        self.seen = b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            while True:
                try:
                    length = client.recv(4, socket.MSG_WAITALL)
                    if len(length) < 4:
                        return
                    frame = client.recv(struct.unpack(">i", length)[0], socket.MSG_WAITALL)
                    self.seen += frame
                    client.sendall(self.framed(self.answer(frame)))
                except OSError:
                    return

    @staticmethod
    def framed(body):
        return struct.pack(">i", len(body)) + body

    def answer(self, frame):
        key, version, number = struct.unpack(">hhi", frame[:8])
        if key == 18:
            # A version that is not known is answered in the form of the first.
            ranges = b"".join(struct.pack(">hhh", *one) for one in self.VERSIONS)
            return struct.pack(">ihi", number, 0 if version == 0 else 35, len(self.VERSIONS)) + ranges
        if key == 3:
            # One broker, this one, and no topics.
            rack, controller = (b"", b"") if version == 0 else (struct.pack(">h", -1), struct.pack(">i", 0))
            broker = struct.pack(">ih9si", 0, 9, b"127.0.0.1", self.port) + rack
            return struct.pack(">ii", number, 1) + broker + controller + struct.pack(">i", 0)
        if key == 17:
            return struct.pack(">ihi", number, 0, 1) + struct.pack(">h5s", 5, b"PLAIN")
        if key == 36:
            _, user, password = frame[frame.index(b"\0", 12 + struct.unpack(">h", frame[8:10])[0]):].split(b"\0")[-3:]
            message = b"user %s may not come with %s" % (user, password)
            return struct.pack(">ihh", number, 58, len(message)) + message + struct.pack(">i", -1)
        return struct.pack(">i", number)
