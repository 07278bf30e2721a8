"""Reports and envelopes written by hand: an independent reading of proto/ (no generated code, OpenSSL's command line signs)."""
import pathlib
import random
import subprocess
import tempfile
import time
import uuid

REPORT = b'application/vnd.holdfast.report.v1+protobuf'


def varint(n):
    out = bytearray()
    while n > 0x7f:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    return bytes(out + bytes([n]))


def field(number, value):
    """bytes and text with their length; integers as sint64."""
    if isinstance(value, int):
        return varint(number << 3) + varint(((value << 1) ^ (value >> 63)) & ((1 << 64) - 1))
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def new_case():
    return uuid.UUID(int=int(time.time() * 1000) << 80 | 7 << 76 | random.getrandbits(12) << 64 | 2 << 62 | random.getrandbits(62))


def transfer(institution='BANKA', account='6222020000001234', name='张三', amount=100, currency='CNY', at_us=None):
    party = field(1, institution) + field(2, account) + field(3, name)
    at_us = int((time.time() - 60) * 1e6) if at_us is None else at_us
    return field(2, party) + field(3, amount) + field(4, currency) + field(5, at_us)


def report(case=None, report_id=None, transfers=None, made_us=None, extra=b''):
    case = case or new_case()
    transfers = [transfer()] if transfers is None else transfers
    made_us = int(time.time() * 1e6) if made_us is None else made_us
    body = field(1, (report_id or new_case()).bytes) + field(2, case.bytes) + field(3, made_us) + field(7, 'ZF-1')
    return body + b''.join(field(6, t) for t in transfers) + extra


def pae(payload, kind=REPORT):
    return b'DSSEv1 %d %s %d %s' % (len(kind), kind, len(payload), payload)


def sign(key_file, data):
    with tempfile.NamedTemporaryFile() as file:
        pathlib.Path(file.name).write_bytes(data)
        return subprocess.run(['openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', str(key_file), '-in', file.name], check=True, capture_output=True).stdout


def envelope(payload, key_id, signature, kind=REPORT, copies=1):
    one = field(3, field(1, key_id) + field(2, signature))
    return field(1, kind) + field(2, payload) + one * copies
