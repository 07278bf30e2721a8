#!/usr/bin/env python3
"""A bank's side of holdfast_json that answers a stop rightly, to begin from. Needs python3-cryptography.

bank.py PORT CERT KEY CA CENTRE_PUB CODE ACCOUNTS STORE
  CERT KEY    this bank's own; CA: who signed the centre's client certificate; CENTRE_PUB: the centre's signing key, ECDSA P-256
  ACCOUNTS    lines of KIND NUMBER NAME, as holdfast-kit reads them; your core banking system stands here
  STORE       every answer is here, on disk, before it is sent: an order that comes again is answered from it and done once
"""
import base64
import datetime
import hashlib
import http.server
import json
import os
import ssl
import sys
import threading

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PORT, CERT, KEY, CA, CENTRE_PUB, CODE, ACCOUNTS, STORE = sys.argv[1:9]
BODY_MAX = 64 * 1024
KIND = b'application/vnd.holdfast.order.v1+json'
ACTIONS = {'stop', 'query', 'extend', 'lift', 'freeze', 'renew', 'unfreeze', 'holder', 'accounts', 'holds', 'serial', 'monitor', 'unmonitor', 'paper', 'return', 'suspect', 'block'}
centre = serialization.load_pem_public_key(open(CENTRE_PUB, 'rb').read())
accounts = {number: (kind, name) for kind, number, name in (line.split(None, 2) for line in open(ACCOUNTS, encoding='utf-8').read().splitlines() if line and line[0] != '#')}
lock = threading.Lock()
answered, stops, asked_at = {}, {}, {}  # order id → (hash of its bytes, answer); number → (order id, end); late orders


class Refused(Exception):
    def __init__(self, status, why):
        super().__init__(why)
        self.status = status


def check_signature(body, header):
    """DSSE's pre-authentication encoding: the type is inside what is signed, both with their length in bytes."""
    signed = b'DSSEv1 %d %s %d %s' % (len(KIND), KIND, len(body), body)
    try:
        centre.verify(base64.b64decode(header or '', validate=True), signed, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError) as error:
        raise Refused(401, 'Holdfast-Signature: not the centre\'s over these bytes') from error


def once(pairs):
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError('a key stands twice')
    return keys


def read_order(body):
    try:
        order = json.loads(body.decode('utf-8'), object_pairs_hook=once)
        sound = order['version'] == 1 and order['action'] in ACTIONS and order['institution'] == CODE and all(
            isinstance(text, str) for text in (order['order_id'], order['account']['number'], order['account']['name'], order['transfer']['amount']))
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(400, 'the body is no order') from error
    if not sound:  # fields that we do not know are passed over: later versions of the centre add some
        raise Refused(400, 'version, action, institution, order_id or account is not as it must be')
    return order


def text_of(moment):
    return moment.isoformat(timespec='milliseconds').replace('+00:00', 'Z')


def feedback(order, now):
    """What the bank does: here its accounts are a file, and it knows stops only."""
    number, kind_name = order['account']['number'], accounts.get(order['account']['number'])
    if order['action'] == 'suspect':
        return {'result': '0000'}
    if kind_name is None or kind_name[0] == 'unknown':
        return {'result': '0300'}
    ours = stops.get(number)
    in_force = ours is not None and ours[1] > now
    if order['action'] == 'holds':
        return {'result': '0000', 'holds': [{'order_id': ours[0], 'kind': 'stop', 'expires_at': text_of(ours[1])}] if in_force else []}
    if order['action'] != 'stop':
        return {'result': '1000'}  # not supported
    if kind_name[1] != order['account']['name']:
        return {'result': '0301'}
    if kind_name[0] == 'held' or in_force:
        return {'result': '1301'}
    balance = '0.50' if kind_name[0] == 'short' else '100000.00'
    ends = now + datetime.timedelta(hours=48)
    stops[number] = (order['order_id'], ends)
    short = float(order['transfer']['amount']) > float(balance)
    return {'result': '1200' if short else '0000', 'executed_at': text_of(now), 'expires_at': text_of(ends), 'balance': balance, 'held': balance}


def answer(body):
    """The same order always has the same answer; it is on disk before anybody hears it."""
    order, digest = read_order(body), hashlib.sha256(body).hexdigest()
    number, now = order['order_id'], datetime.datetime.now(datetime.timezone.utc)
    with lock:
        if number in answered:
            if answered[number][0] != digest:
                raise Refused(409, 'another order with this id was answered')
            return answered[number][1]
        receipt = {'order_id': number, 'institution': CODE, 'reference': f'P-{len(answered) + 1}'}
        if accounts.get(order['account']['number'], ('',))[0] == 'late' and (now - asked_at.setdefault(number, now)).total_seconds() < 1:
            return json.dumps(receipt)  # the feedback comes to the same order, asked again
        said = json.dumps({**receipt, 'feedback': feedback(order, now)}, ensure_ascii=False)
        store.write(json.dumps({'order': number, 'sha256': digest, 'account': order['account']['number'], 'answer': said}) + '\n')
        store.flush()
        os.fsync(store.fileno())
        answered[number] = (digest, said)
        return said


def remember():
    """After a restart: what was answered, and which stops are in force."""
    if os.path.exists(STORE):
        for line in open(STORE, encoding='utf-8'):
            row = json.loads(line)
            answered[row['order']] = (row['sha256'], row['answer'])
            done = json.loads(row['answer'])['feedback']
            if done['result'] in ('0000', '1200') and 'expires_at' in done:
                stops[row['account']] = (row['order'], datetime.datetime.fromisoformat(done['expires_at'].replace('Z', '+00:00')))


class Bank(http.server.BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm, wbufsize = 'HTTP/1.1', True, -1  # connections stay open; one write a reply

    def reply(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        if status == 413:
            self.send_header('Connection', 'close')
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        status = {'/v1/ping': 200, '/v1/orders': 405}.get(self.path, 404)
        self.reply(status, '{}')

    def do_POST(self):
        try:
            size = int(self.headers.get('Content-Length', '-1'))
            if not 0 <= size <= BODY_MAX:
                raise Refused(413, 'a body of at most 64 KiB')
            body = self.rfile.read(size)
            if self.path != '/v1/orders':
                raise Refused(404, 'orders come to /v1/orders')
            check_signature(body, self.headers.get('Holdfast-Signature'))
            self.reply(200, answer(body))
        except Refused as refused:
            self.reply(refused.status, json.dumps({'error': str(refused)}))

    def log_message(self, *_):
        pass  # names and account numbers do not belong into logs


class Server(http.server.ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 128

    def finish_request(self, request, client_address):
        try:
            with context.wrap_socket(request, server_side=True) as line:  # in its own thread: a slow handshake holds up nobody
                super().finish_request(line, client_address)
        except OSError:
            pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.minimum_version, context.verify_mode = ssl.TLSVersion.TLSv1_2, ssl.CERT_REQUIRED
context.load_cert_chain(CERT, KEY)
context.load_verify_locations(CA)
remember()
store = open(STORE, 'a', encoding='utf-8')
server = Server(('127.0.0.1', int(PORT)), Bank)
print('listening', flush=True)
server.serve_forever()
