"""Speaks as much of Kafka's protocol as it takes to refuse a login, on a free port of 127.0.0.1, which it prints.

Usage: kafka_refuser.py MECHANISM: the one it offers. It answers ApiVersions, SaslHandshake and SaslAuthenticate.
Source: https://kafka.apache.org/protocol.html
"""

import socketserver
import struct
import sys

API_VERSIONS, HANDSHAKE, AUTHENTICATE = 18, 17, 36
UNSUPPORTED_VERSION, UNSUPPORTED_MECHANISM, AUTHENTICATION_FAILED = 35, 33, 58
OFFERED = sys.argv[1].encode()


def text(value):
    return struct.pack(">h", len(value)) + value


def answer(api, version, body):
    if api == API_VERSIONS:
        error = UNSUPPORTED_VERSION if version > 0 else 0
        known = [(API_VERSIONS, 0, 0), (HANDSHAKE, 0, 1), (AUTHENTICATE, 0, 0), (3, 0, 1)]
        return struct.pack(">hi", error, len(known)) + b"".join(struct.pack(">hhh", *row) for row in known)
    if api == HANDSHAKE:
        length = struct.unpack(">h", body[:2])[0]
        error = 0 if body[2:2 + length] == OFFERED else UNSUPPORTED_MECHANISM
        return struct.pack(">hi", error, 1) + text(OFFERED)
    if api == AUTHENTICATE:
        return struct.pack(">h", AUTHENTICATION_FAILED) + text(b"wrong user or password") + struct.pack(">i", 0)
    return None


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        while len(head := self.rfile.read(4)) == 4:
            request = self.rfile.read(struct.unpack(">i", head)[0])
            api, version, number, name = struct.unpack(">hhih", request[:10])
            found = answer(api, version, request[10 + max(0, name):])
            if found is None:
                return
            self.wfile.write(struct.pack(">ii", len(found) + 4, number) + found)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


with Server(("127.0.0.1", 0), Connection) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
