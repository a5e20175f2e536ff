"""TLS, logins and faults in front of a Kafka broker on 127.0.0.1, for tests of clients.

usage: kafka_proxy.py LISTEN BROKER CONTROL [--cert FILE --key FILE] [--user NAME --password TEXT | --tokens]

Clients stay on the proxy, as it puts its own port in place of the broker's wherever brokers are named. With --user they
must log in by PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; with --tokens by OAUTHBEARER, and any token will do.

Orders come over HTTP on the port CONTROL:
  /rule?api=26&do=cut-before      the next request of that kind is not passed on, and the connection closed
  /rule?api=26&do=cut-after       the broker's answer to it is not passed on, and the connection closed
  /rule?api=26&do=fail&code=16    the client is told an error in place of the answer; with &asks=0 the broker is not asked
  /rule?...&times=3&skip=1        for three requests, behind the first one; &match=TEXT counts only those that hold TEXT
  /cut   /refuse?on=1   /delay?millis=300   /log (tokens and logins, a line each)
"""
import argparse
import asyncio
import base64
import hashlib
import hmac
import os
import ssl
import struct
from urllib.parse import parse_qs, urlparse

PRODUCE, METADATA, COORDINATOR, HANDSHAKE, API_VERSIONS, AUTHENTICATE = 0, 3, 10, 17, 18, 36
INIT_PRODUCER, ADD_PARTITIONS, ADD_OFFSETS, END_TRANSACTION, COMMIT_OFFSETS = 22, 24, 25, 26, 28
# From these versions on, headers of answers end in a list of tags.
FLEXIBLE = {INIT_PRODUCER: 2, ADD_PARTITIONS: 3, ADD_OFFSETS: 3, END_TRANSACTION: 3, COMMIT_OFFSETS: 3}


class Login:
    """One connection's way through SASL. `step` takes the client's bytes and gives the answer; None is a refusal."""

    def __init__(self, mechanism, user, password):
        self.mechanism, self.user, self.password = mechanism, user, password
        self.done, self.first = False, None

    def step(self, data):
        if self.mechanism == "PLAIN":
            self.done = data.split(b"\0")[1:] == [self.user.encode(), self.password.encode()]
            return b"" if self.done else None
        if self.mechanism == "OAUTHBEARER":
            token = next((part[12:] for part in data.split(b"\1") if part.startswith(b"auth=Bearer ")), None)
            log.append(f"token {token.decode() if token else ''}")
            self.done = bool(token)
            return b"" if token else None
        return self.scram(data.decode())

    def scram(self, text):
        name = "sha256" if self.mechanism.endswith("256") else "sha512"
        fields = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
        if self.first is None:
            bare = text.split(",", 2)[2]
            self.salt = os.urandom(16)
            answer = f"r={fields['r']}{os.urandom(8).hex()},s={base64.b64encode(self.salt).decode()},i=4096"
            self.first = bare + "," + answer
            return answer.encode()
        salted = hashlib.pbkdf2_hmac(name, self.password.encode(), self.salt, 4096)
        message = (self.first + "," + text.rsplit(",p=", 1)[0]).encode()

        def code(key, data):
            return hmac.new(key, data, name).digest()

        key = code(salted, b"Client Key")
        signature = code(hashlib.new(name, key).digest(), message)
        proof = bytes(a ^ b for a, b in zip(key, signature))
        self.done = proof == base64.b64decode(fields["p"]) and f"n={self.user}" in self.first
        server = code(code(salted, b"Server Key"), message)
        return b"v=" + base64.b64encode(server) if self.done else None


class Rule:
    def __init__(self, words):
        self.api, self.action = int(words["api"]), words["do"]
        self.code, self.asks = int(words.get("code", -1)), words.get("asks", "1") == "1"
        self.times, self.skip = int(words.get("times", 1)), int(words.get("skip", 0))
        self.match = words.get("match", "").encode()

    def takes(self, api, frame):
        if api != self.api or self.times == 0 or self.match not in frame:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


def failed(api, version, frame, code):
    """The broker's answer with an error in every place for one."""
    data, at = bytearray(frame), 4
    flexible = version >= FLEXIBLE.get(api, 99)
    at += 1 if flexible else 0

    def number(size):
        nonlocal at
        at += size
        return int.from_bytes(data[at - size:at], "big")

    def put():
        nonlocal at
        data[at:at + 2] = struct.pack(">h", code)
        at += 2

    if api in (INIT_PRODUCER, ADD_OFFSETS, END_TRANSACTION):
        number(4)
        put()
        return bytes(data)
    if api != PRODUCE:
        number(4)

    def count():
        return number(1) - 1 if flexible else number(4)

    for _ in range(count()):
        length = number(1) - 1 if flexible else number(2)
        at += length
        for _ in range(count()):
            number(4)
            put()
            if api == PRODUCE:
                at += 8 + (8 if version >= 2 else 0) + (8 if version >= 5 else 0)
            at += 1 if flexible else 0
        at += 1 if flexible else 0
    return bytes(data)


def unasked(api, version, correlation, code):
    """An answer the broker knows nothing of."""
    head = struct.pack(">i", correlation) + (b"\0" if version >= FLEXIBLE.get(api, 99) else b"")
    body = struct.pack(">ih", 0, code) + (struct.pack(">qh", -1, -1) if api == INIT_PRODUCER else b"")
    return head + body + (b"\0" if version >= FLEXIBLE.get(api, 99) else b"")


async def read_frame(reader):
    return await reader.readexactly(struct.unpack(">i", await reader.readexactly(4))[0])


def write_frame(writer, frame):
    writer.write(struct.pack(">i", len(frame)) + frame)


class Connection:
    def __init__(self, client):
        self.client, self.asked, self.login = client, {}, None
        self.is_in = not (options.user or options.tokens)

    async def run(self):
        self.broker = await asyncio.open_connection("127.0.0.1", options.broker)
        connections.add(self)
        back = asyncio.create_task(self.answers())
        try:
            while True:
                if not await self.request(await read_frame(self.client[0])):
                    break
        except (OSError, EOFError, asyncio.IncompleteReadError):
            pass
        finally:
            self.close()
            await back

    def close(self):
        connections.discard(self)
        for _, writer in (self.client, self.broker):
            writer.close()

    async def request(self, frame):
        api, version, correlation = struct.unpack(">hhi", frame[:8])
        if api == HANDSHAKE:
            return self.handshake(frame, correlation)
        if api == AUTHENTICATE:
            return await self.authenticate(frame, version, correlation)
        if not self.is_in and api != API_VERSIONS:
            return False
        rule = next((rule for rule in rules if rule.takes(api, frame)), None)
        if rule and rule.action == "cut-before":
            return False
        if rule and rule.action == "fail" and not rule.asks:
            write_frame(self.client[1], unasked(api, version, correlation, rule.code))
            return True
        self.asked[correlation] = (api, version, rule)
        write_frame(self.broker[1], frame)
        return True

    def handshake(self, frame, correlation):
        start = 10 + max(0, struct.unpack(">h", frame[8:10])[0])
        mechanism = frame[start + 2:].decode()
        known = ["OAUTHBEARER"] if options.tokens else ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
        self.login = Login(mechanism, options.user, options.password)
        names = b"".join(struct.pack(">h", len(name)) + name.encode() for name in known)
        code = 0 if mechanism in known else 33
        write_frame(self.client[1], struct.pack(">ihi", correlation, code, len(known)) + names)
        return True

    async def authenticate(self, frame, version, correlation):
        at = 10 + max(0, struct.unpack(">h", frame[8:10])[0])
        if version >= 2:
            raise OSError("newer than what is known here")
        answer = self.login.step(frame[at + 4:]) if self.login else None
        if answer is None:
            log.append("refused")
            text = b"Authentication failed: wrong user or password"
            body = struct.pack(">hh", 58, len(text)) + text + struct.pack(">i", 0)
        else:
            self.is_in = self.login.done
            if self.is_in:
                log.append(f"login {self.login.mechanism}")
            body = struct.pack(">hhi", 0, -1, len(answer)) + answer
        write_frame(self.client[1], struct.pack(">i", correlation) + body + (b"\0" * 8 if version == 1 else b""))
        await self.client[1].drain()
        if answer is None:
            await asyncio.sleep(0.1)
        return answer is not None

    async def answers(self):
        try:
            while True:
                frame = await read_frame(self.broker[0])
                api, version, rule = self.asked.pop(struct.unpack(">i", frame[:4])[0])
                if state["delay"]:
                    await asyncio.sleep(state["delay"])
                if rule and rule.action == "cut-after":
                    break
                if rule and rule.action == "fail":
                    frame = failed(api, version, frame, rule.code)
                if api in (METADATA, COORDINATOR):
                    frame = frame.replace(*(b"127.0.0.1" + struct.pack(">i", port)
                                            for port in (options.broker, options.listen)))
                write_frame(self.client[1], frame)
                await self.client[1].drain()
        except (OSError, EOFError, asyncio.IncompleteReadError):
            pass
        self.close()


async def accept(reader, writer):
    if state["refuse"]:
        return writer.close()
    try:
        await Connection((reader, writer)).run()
    except OSError:
        writer.close()


async def control(reader, writer):
    url = urlparse((await reader.readline()).decode().split(" ")[1])
    words = {key: values[0] for key, values in parse_qs(url.query).items()}
    answer = "done\n"
    if url.path == "/rule":
        rules.append(Rule(words))
    elif url.path == "/cut":
        for connection in list(connections):
            connection.close()
    elif url.path == "/refuse":
        state["refuse"] = words.get("on", "1") == "1"
    elif url.path == "/delay":
        state["delay"] = int(words["millis"]) / 1000
    elif url.path == "/log":
        answer = "".join(line + "\n" for line in log)
    writer.write(f"HTTP/1.0 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n{answer}".encode())
    await writer.drain()
    writer.close()


async def main():
    context = None
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
    await asyncio.start_server(accept, "127.0.0.1", options.listen, ssl=context)
    await asyncio.start_server(control, "127.0.0.1", options.control)
    await asyncio.Event().wait()


parser = argparse.ArgumentParser()
for name in ("listen", "broker", "control"):
    parser.add_argument(name, type=int)
for name in ("cert", "key", "user", "password"):
    parser.add_argument("--" + name)
parser.add_argument("--tokens", action="store_true")
options = parser.parse_args()
rules, log, connections, state = [], [], set(), {"delay": 0, "refuse": False}
asyncio.run(main())
