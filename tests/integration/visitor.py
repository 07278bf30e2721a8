"""An institution's client of the gate, written from schemas/gate/openapi.json only: Python's TLS, OpenSSL's command line signs. Every reply is checked against that file."""
import base64
import contextlib
import http.client
import json
import pathlib
import ssl
import time
import uuid

import jsonschema
from wire import sign

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SPECIFICATION = json.loads((ROOT / 'schemas/gate/openapi.json').read_text())


def schema_of(method, path, status, content_type):
    """The reply's schema; AssertionError where the file has no such reply."""
    known = SPECIFICATION['paths']
    way = path if path in known else '/v1/orders/{order_id}/answers' if path.startswith('/v1/orders/') and path.endswith('/answers') else None
    operation = known.get(way, {}).get(method.lower())
    if operation is None:  # nothing at this path, or not by this method: still a refusal of the file's form
        assert status in (400, 403, 404, 405, 413, 429, 503), f'{method} {path}: {status}'
        return {'$ref': '#/components/schemas/Refusal'}
    reply = operation['responses'].get(str(status))
    assert reply is not None, f'{method} {way}: the file has no {status}'
    reply = SPECIFICATION['components']['responses'][reply['$ref'].rsplit('/', 1)[1]] if '$ref' in reply else reply
    assert content_type in reply['content'], f'{method} {way} {status}: the file has no {content_type}'
    return reply['content'][content_type].get('schema', {})


def check(method, path, status, content_type, body):
    schema = schema_of(method, path.split('?')[0], status, content_type)
    value = json.loads(body) if 'json' in content_type else body.decode()
    jsonschema.Draft202012Validator({**schema, 'components': SPECIFICATION['components']}, format_checker=jsonschema.FormatChecker()).validate(value)
    return value


class Visitor:
    def __init__(self, world, code, certificate=None, gate='gate'):
        tls = world.dir / 'tls'
        self.world, self.code, self.gate, self.seen = world, code, gate, set()
        self.key, self.key_id = tls / f'member-{code}.key.pem', world.key_id(f'member-{code}') if (tls / f'member-{code}.id').exists() else ''
        self.tls = ssl.create_default_context(cafile=tls / 'ca.pem')
        if certificate != 'none':
            self.tls.load_cert_chain(tls / f'{certificate or code}.pem', tls / f'{certificate or code}.key')
        self.connection = None

    def ask(self, method, path, body=None, headers=None, timeout=40):
        """Status, headers, the checked value."""
        for try_ in (1, 2):  # a kept connection may have been closed behind its last reply
            if self.connection is None:
                self.connection = http.client.HTTPSConnection('127.0.0.1', self.world.gates[self.gate][0], context=self.tls, timeout=timeout)
            try:
                self.connection.request(method, path, body=body, headers=headers or {})
                reply = self.connection.getresponse()
                text = reply.read()
                break
            except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLError):
                self.connection.close()
                self.connection = None
                if try_ == 2:
                    raise
        kind = reply.headers['Content-Type']
        value = check(method, path, reply.status, kind, text)
        self.seen.add((method, reply.status, value.get('code') if isinstance(value, dict) else None))
        if reply.headers.get('Connection') == 'close':
            self.connection.close()
            self.connection = None
        return reply.status, reply.headers, value

    def signed(self, path, body, key=None, key_id=None, nonce=None, at=None):
        body = body.encode() if isinstance(body, str) else body
        nonce, at = nonce or uuid.uuid4().hex, str(int(at if at is not None else time.time()))
        lines = b'POST\n' + path.encode() + b'\n' + at.encode() + b'\n' + nonce.encode() + b'\n' + body + b'\n'
        signature = sign(key or self.key, lines)
        return body, {'Holdfast-Key': key_id or self.key_id, 'Holdfast-Timestamp': at, 'Holdfast-Nonce': nonce, 'Holdfast-Signature': base64.b64encode(signature).decode(),
                      'Content-Type': 'application/json'}

    def post(self, path, body, **options):
        body, headers = self.signed(path, body, **options)
        return self.ask('POST', path, body, headers)

    def answer(self, order, **feedback):
        """A feedback of holdfast_json by callback; `result` and what goes with it."""
        body = {'order_id': order, 'institution': self.code, 'reference': f'R-{order[-4:]}', 'feedback': {'result': '0000', **feedback}}
        return self.post(f'/v1/orders/{order}/answers', json.dumps(body))

    def twice(self, path, body, headers):
        """The same with its length said twice: no library would."""
        connection = http.client.HTTPSConnection('127.0.0.1', self.world.gates[self.gate][0], context=self.tls, timeout=20)
        connection.putrequest('POST', path)
        for name, value in (*headers.items(), ('Content-Length', len(body)), ('Content-Length', len(body))):
            connection.putheader(name, str(value))
        connection.endheaders(body.encode())
        reply = connection.getresponse()
        value = check('POST', path, reply.status, reply.headers['Content-Type'], reply.read())
        connection.close()
        self.seen.add(('POST', reply.status, value.get('code')))
        return reply.status, reply.headers, value

    def close(self):
        with contextlib.suppress(OSError):
            if self.connection is not None:
                self.connection.close()
        self.connection = None
