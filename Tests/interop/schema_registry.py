#!/usr/bin/env python3
"""A small Confluent-compatible Schema Registry for tests (stdlib only; own work): AVRO, JSON, PROTOBUF; subjects, versions, ids, lookup,
references, soft/permanent delete, config levels, mode, compatibility for AVRO (structural); optional basic auth and fault injection.
  schema_registry.py --port 8081 [--basic user:pass]
  PUT /__fault {"status":503,"count":2,"delay_ms":0}   the next `count` requests fail/are delayed;  GET /__requests  request log;  POST /__reset"""
import argparse, base64, json, re, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlparse, unquote, parse_qs
A = argparse.ArgumentParser(); A.add_argument('--port', type=int, default=8081); A.add_argument('--basic'); A = A.parse_args()
L = threading.RLock()
def reset():
    global ids, subs, conf, fault, log, mode
    ids, subs, conf, fault, log, mode = {}, {}, {}, {}, [], {}
reset()
class E(Exception):
    def __init__(s, http, code, msg): s.http, s.code, s.msg = http, code, msg
PRIM = {'null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'}
def canon(t, s):
    if t in ('AVRO', 'JSON'):
        try: return json.dumps(json.loads(s), separators=(',', ':'), sort_keys=(t == 'JSON'))
        except ValueError: raise E(422, 42201, f'Invalid schema: not JSON')
    if not re.search(r'\b(message|enum|import|service)\b', s) and not re.fullmatch(r'[A-Za-z0-9+/=]+', s.strip()):   # Python's client sends a base64 FileDescriptorProto
        raise E(422, 42201, 'Invalid protobuf schema')
    return s.strip()
def avro_check(x, names):
    if isinstance(x, str):
        if x not in PRIM and x not in names and x.split('.')[-1] not in names: raise E(422, 42201, f'Invalid schema: unknown type {x}')
    elif isinstance(x, list): [avro_check(y, names) for y in x]
    elif isinstance(x, dict):
        t = x.get('type')
        if t in ('record', 'error'):
            if 'name' not in x or 'fields' not in x: raise E(422, 42201, 'Invalid schema: record needs name and fields')
            names |= {x['name'], x['name'].split('.')[-1]} | ({x['namespace'] + '.' + x['name']} if 'namespace' in x else set())
            for f in x['fields']: avro_check(f.get('type'), names)
        elif t in ('enum', 'fixed'): names |= {x['name']}
        elif t == 'array': avro_check(x.get('items'), names)
        elif t == 'map': avro_check(x.get('values'), names)
        else: avro_check(t, names)
    else: raise E(422, 42201, 'Invalid schema')
PROMO = {('int', 'long'), ('int', 'float'), ('int', 'double'), ('long', 'float'), ('long', 'double'), ('float', 'double'), ('string', 'bytes'), ('bytes', 'string')}
def can_read(r, w):
    """Avro schema resolution: may reader r read data written with w?  returns list of reasons why not"""
    un = lambda x: x['type'] if isinstance(x, dict) and set(x) - {'type', 'logicalType', 'precision', 'scale', 'doc', 'default'} == set() else x
    r, w = un(r), un(w)
    if isinstance(w, list): return [e for y in w for e in can_read(r, y)]
    if isinstance(r, list): return [] if any(not can_read(y, w) for y in r) else [f'reader union misses {json.dumps(w)[:60]}']
    if isinstance(r, str) and isinstance(w, str): return [] if r == w or (w, r) in PROMO else [f'{w} cannot be read as {r}']
    if isinstance(r, dict) and isinstance(w, dict) and r.get('type') == w.get('type'):
        t = r['type']
        if t == 'record':
            out, wf = [], {f['name']: f for f in w['fields']}
            for f in r['fields']:
                m = next((wf[n] for n in [f['name'], *f.get('aliases', [])] if n in wf), None)
                if m is None: out += [] if 'default' in f else [f"field {f['name']} has no default and is missing in the writer"]
                else: out += can_read(f['type'], m['type'])
            return out
        if t == 'enum': return [] if set(w['symbols']) <= set(r['symbols']) or 'default' in r else ['enum symbols removed']
        if t == 'array': return can_read(r['items'], w['items'])
        if t == 'map': return can_read(r['values'], w['values'])
        if t == 'fixed': return [] if r['size'] == w['size'] else ['fixed size']
        return []
    return [] if r == w else [f'{json.dumps(w)[:50]} cannot be read as {json.dumps(r)[:50]}']
def is_text(c): return re.fullmatch(r'[A-Za-z0-9+/=]+', c) is None
def wire(b):
    """The fields of a protobuf message whose values are bytes: number, bytes"""
    i = 0
    def num():
        nonlocal i; v = sh = 0
        while True:
            x = b[i]; i += 1; v |= (x & 127) << sh; sh += 7
            if x < 128: return v
    while i < len(b):
        k = num()
        if k & 7 == 2: n = num(); yield k >> 3, b[i:i + n]; i += n
        elif k & 7 == 0: num()
        else: i += 8 if k & 7 == 1 else 4
def imports(c): return re.findall(r'import\s+(?:public\s+)?"([^"]+)"', c) if is_text(c) else [v.decode() for k, v in wire(base64.b64decode(c)) if k == 3]
def proto_changes(new, old):
    """Fields of the same name and number that have another type; texts only"""
    f = lambda c: {(n, i): t for t, n, i in re.findall(r'([\w.]+)\s+(\w+)\s*=\s*(\d+)\s*[;\[]', c)}
    if not (is_text(new) and is_text(old)): return []
    n, o = f(new), f(old); return [f'field {k[0]} was {o[k]} and is {n[k]}' for k in sorted(o) if k in n and n[k] != o[k]]
def level(s): return conf.get(s) or conf.get('') or 'BACKWARD'
def compatible(s, typ, text, against=None):
    lv = level(s); old = [v for v in subs.get(s, []) if not v['deleted']]
    if against is not None: old = [against]
    elif not lv.endswith('TRANSITIVE'): old = old[-1:]
    if lv == 'NONE' or typ == 'JSON': return []
    if typ == 'PROTOBUF': return [e for v in old for e in proto_changes(text, ids[v['id']]['schema'])]
    n = json.loads(text); out = []
    for v in old:
        if ids[v['id']]['type'] != typ: out.append('schema type changed'); continue
        o = json.loads(ids[v['id']]['schema'])
        if lv.startswith(('BACKWARD', 'FULL')): out += can_read(n, o)
        if lv.startswith(('FORWARD', 'FULL')): out += can_read(o, n)
    return out
def show(s, v): d = ids[v['id']]; r = {'subject': s, 'version': v['version'], 'id': v['id'], 'schema': d['schema']}; r.update({'schemaType': d['type']} if d['type'] != 'AVRO' else {}); r.update({'references': d['refs']} if d['refs'] else {}); return r
def subject(s, deleted=False):
    vs = [v for v in subs.get(s, []) if deleted or not v['deleted']]
    if not vs: raise E(404, 40401, f"Subject '{s}' not found.")
    return vs
def version(s, n, deleted=False):
    vs = subject(s, deleted)
    if n in ('latest', '-1'): return vs[-1]
    if not n.isdigit() or not 0 < int(n) < 2**31: raise E(422, 42202, f"The specified version '{n}' is not a valid version id.")
    for v in vs:
        if v['version'] == int(n): return v
    raise E(404, 40402, f'Version {n} not found.')
def parse(b):
    t = b.get('schemaType') or 'AVRO'
    if t not in ('AVRO', 'JSON', 'PROTOBUF'): raise E(422, 42201, f'Invalid schema type {t}')
    if 'schema' not in b: raise E(422, 42201, 'Empty schema')
    refs = b.get('references') or []
    for r in refs:
        try: d = ids[version(r['subject'], str(r['version']))['id']]
        except E: raise E(422, 42201, f"Invalid schema: no schema reference found for subject {r['subject']} and version {r['version']}")
        if d['type'] != t: raise E(422, 42201, f"Invalid schema: reference {r['name']} is of type {d['type']}")
    c = canon(t, b['schema'])
    if t == 'PROTOBUF':
        for i in imports(c):
            if not i.startswith('google/protobuf/') and i not in {r['name'] for r in refs}: raise E(422, 42201, f'Invalid schema: {i} is imported and not among the references')
    if t == 'AVRO': avro_check(json.loads(c), {r['name'] for r in refs} | {r['name'].split('.')[-1] for r in refs})
    return t, c, refs
def route(m, p, q, body):
    flag = lambda k: q.get(k, ['false'])[0] == 'true'
    if p == ['subjects'] and m == 'GET': return sorted(s for s in subs if s.startswith(q.get('subjectPrefix', [''])[0]) and any(flag('deleted') or not v['deleted'] for v in subs[s]))
    if p == ['schemas', 'types']: return ['JSON', 'PROTOBUF', 'AVRO']
    if p == ['contexts']: return ['.']
    if p[:1] == ['mode']: s = p[1] if len(p) > 1 else ''; mode.update({s: body['mode']} if m == 'PUT' else {}); return {'mode': mode.get(s) or mode.get('') or 'READWRITE'}
    if p[:2] == ['schemas', 'ids']:
        d = ids.get(int(p[2])) if p[2].isdigit() else None
        if not d: raise E(404, 40403, f'Schema {p[2]} not found')
        uses = [(s, v) for s in subs for v in subs[s] if v['id'] == int(p[2]) and not v['deleted']]
        if len(p) == 3: r = {'schema': d['schema']}; r.update({'schemaType': d['type']} if d['type'] != 'AVRO' else {}); r.update({'references': d['refs']} if d['refs'] else {}); return r
        if p[3] == 'schema': return json.loads(d['schema']) if d['type'] != 'PROTOBUF' else d['schema']
        if p[3] == 'subjects': return sorted({s for s, _ in uses})
        if p[3] == 'versions': return [{'subject': s, 'version': v['version']} for s, v in uses]
    if p[:1] == ['config']:
        s = p[1] if len(p) > 1 else ''
        if m == 'PUT':
            if body.get('compatibility') not in {'NONE', 'BACKWARD', 'BACKWARD_TRANSITIVE', 'FORWARD', 'FORWARD_TRANSITIVE', 'FULL', 'FULL_TRANSITIVE'}: raise E(422, 42203, 'Invalid compatibility level')
            conf[s] = body['compatibility']; return body
        if m == 'DELETE': return {'compatibilityLevel': conf.pop(s, level(s))}
        if s and s not in conf and not flag('defaultToGlobal'): raise E(404, 40408, f"Subject '{s}' does not have subject-level compatibility configured")
        return {'compatibilityLevel': level(s)}
    if p[:2] == ['compatibility', 'subjects'] and m == 'POST':
        t, c, _ = parse(body); s = p[2]; a = version(s, p[4]) if len(p) > 4 else None; why = compatible(s, t, c, a); return {'is_compatible': not why, **({'messages': why} if flag('verbose') else {})}
    if p[:1] == ['subjects'] and len(p) >= 2:
        s = p[1]
        if m == 'POST' and len(p) == 2:
            subject(s); t, c, refs = parse(body)
            for v in reversed(subs[s]):
                d = ids[v['id']]
                if not v['deleted'] and (d['type'], d['schema'], d['refs']) == (t, c, refs): return show(s, v)
            raise E(404, 40403, 'Schema not found')
        if m == 'POST' and p[2:] == ['versions']:
            t, c, refs = parse(body); vs = subs.setdefault(s, [])
            for v in vs:
                d = ids[v['id']]
                if not v['deleted'] and (d['type'], d['schema'], d['refs']) == (t, c, refs): return {'id': v['id']}
            if (mode.get(s) or mode.get('')) == 'READONLY': raise E(422, 42205, f'Subject {s} is in read-only mode')
            why = compatible(s, t, c)
            if why: raise E(409, 409, 'Schema being registered is incompatible with an earlier schema for subject "%s": %s' % (s, '; '.join(why[:3])))
            i = next((k for k, d in ids.items() if (d['type'], d['schema'], d['refs']) == (t, c, refs)), None) or len(ids) + 1
            ids[i] = {'type': t, 'schema': c, 'refs': refs}; vs.append({'version': max([v['version'] for v in vs], default=0) + 1, 'id': i, 'deleted': False}); return {'id': i}
        if m == 'GET' and p[2:] == ['versions']: return [v['version'] for v in subject(s, flag('deleted'))]
        if m == 'GET' and len(p) == 4: return show(s, version(s, p[3], flag('deleted')))
        if m == 'GET' and len(p) == 5 and p[4] == 'schema': d = ids[version(s, p[3])['id']]; return json.loads(d['schema']) if d['type'] != 'PROTOBUF' else d['schema']
        if m == 'GET' and len(p) == 5 and p[4] == 'referencedby': n = version(s, p[3])['version']; return [k for k, d in ids.items() if any(r['subject'] == s and r['version'] == n for r in d['refs'])]
        if m == 'DELETE':
            vs = subject(s, flag('permanent')) if len(p) == 2 else [version(s, p[3], flag('permanent'))]
            if flag('permanent') and any(not v['deleted'] for v in vs): raise E(404, 40405, f"Subject '{s}' was not deleted first before being permanently deleted")
            for v in vs:
                if flag('permanent'): subs[s].remove(v)
                v['deleted'] = True
            return [v['version'] for v in vs] if len(p) == 2 else vs[0]['version']
    raise E(404, 404, 'HTTP 404 Not Found')
class H(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(s, *a): pass
    def send(s, st, o):
        b = (o if isinstance(o, str) else json.dumps(o)).encode(); s.send_response(st); s.send_header('Content-Type', 'application/vnd.schemaregistry.v1+json'); s.send_header('Content-Length', str(len(b))); s.end_headers(); s.wfile.write(b)
    def go(s):
        n = int(s.headers.get('Content-Length') or 0); raw = s.rfile.read(n) if n else b''; u = urlparse(s.path); p = [unquote(x) for x in u.path.split('/') if x]
        try: body = json.loads(raw) if raw else {}
        except ValueError: return s.send(422, {'error_code': 42201, 'message': 'bad JSON'})
        if p == ['__fault']: fault.clear(); fault.update(body); return s.send(200, fault)
        if p == ['__requests']: return s.send(200, log)
        if p == ['__reset']: reset(); return s.send(200, {})
        delay = 0
        with L:
            log.append(f'{s.command} {s.path}')
            if fault.get('count', 0) > 0:
                fault['count'] -= 1; delay = fault.get('delay_ms', 0) / 1000
                if fault.get('status'): 
                    time.sleep(delay); return s.send(fault['status'], {'error_code': 50001, 'message': 'injected fault'})
        time.sleep(delay)
        if A.basic and s.headers.get('Authorization') != 'Basic ' + base64.b64encode(A.basic.encode()).decode(): return s.send(401, {'error_code': 401, 'message': 'Unauthorized'})
        try:
            with L: r = route(s.command, p, parse_qs(u.query), body)
            s.send(200, r)
        except E as e: s.send(e.http, {'error_code': e.code, 'message': e.msg})
        except (KeyError, ValueError, TypeError, AttributeError) as e: s.send(422, {'error_code': 42201, 'message': f'{type(e).__name__}: {e}'})
    do_GET = do_POST = do_PUT = do_DELETE = go
ThreadingHTTPServer.daemon_threads = True
server = ThreadingHTTPServer(('127.0.0.1', A.port), H)
print(server.server_address[1], flush=True)   # port 0 lets the system choose
server.serve_forever()
