"""Personal data, read a second time: written from engine/seal/seal.h and README.md, with Python's cryptography.

A key file makes pseudonyms; with a case's data keys it opens what stands sealed in its facts. Anything that does not fit raises."""
import hashlib
import hmac
import pathlib
import uuid

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FACT, RAW, DATA_KEY = 1, 2, 3
KINDS = {'quarantined': 30, 'submission_waits': 35}  # of proto/fact.proto
NOBODY = uuid.UUID(int=0)


def mask(number):
    head, tail = (number[:6], number[-4:]) if len(number) >= 13 else ('', number[-2:] if len(number) >= 6 else '')
    return f'{head}******{tail}'


def label(kind, shard, seq, case, number):
    return bytes([kind]) + shard.to_bytes(4, 'big') + seq.to_bytes(8, 'big') + case.bytes + bytes([number])


def nonce(kind, seq):
    return bytes([kind, 0, 0, 0]) + seq.to_bytes(8, 'big')


def fields(message):
    """(number, value) of a protobuf message; bytes for wire type 2."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(message):
        tag = varint()
        value = varint()
        if tag & 7 == 2:
            at, value = at + value, message[at:at + value]
        yield tag >> 3, value


class Keys:
    def __init__(self, file):
        self.wrapping = {}
        for line in pathlib.Path(file).read_text().splitlines():
            words = line.split(' ')
            if words[0] == 'token':
                self.token = bytes.fromhex(words[1])
            elif words[0] == 'wrap':
                self.wrapping[words[1]] = bytes.fromhex(words[2])

    def tokened(self, kind, text, masked):
        return f"{masked}~{hmac.new(self.token, kind + text.encode(), hashlib.sha256).hexdigest()[:24]}" if text else ''

    def account(self, number):
        return self.tokened(b'a', number, mask(number))

    def name(self, name):
        return self.tokened(b'n', name, name[:1] + '*')

    def unwrap(self, shard, case, first_seq, wrapped_by, wrapped):
        return AESGCM(self.wrapping[wrapped_by]).decrypt(wrapped[:12], wrapped[12:], label(DATA_KEY, shard, first_seq, case, 0))


class Reader:
    """Opens facts of a World's PostgreSQL."""

    def __init__(self, world):
        self.world, self.keys, self.data = world, Keys(world.dir / 'tls/personal.keys'), {}
        for shard, case, first, by, wrapped in world.sql("select shard, case_id, first_seq, wrapped_by, encode(wrapped, 'hex') from case_key order by 1, 2, 3"):
            place = int(shard), uuid.UUID(case)
            self.data.setdefault(place, []).append((int(first), self.keys.unwrap(*place, int(first), by, bytes.fromhex(wrapped))))

    def key(self, shard, case, seq):
        return AESGCM([key for first, key in self.data[shard, case] if first <= seq][-1])

    def values(self, body):
        """The clear values of one fact, in the order of its fields; the commitment that stands in its leaf is checked."""
        head = dict(fields(body))
        sealed = head.pop(8, None)
        if sealed is None:
            return []
        shard, seq, case, number = head.get(1, 0), head[2], uuid.UUID(bytes=head[3]) if 3 in head else NOBODY, max(head)
        text = self.key(shard, case, seq).decrypt(nonce(FACT, seq), sealed[32:], label(FACT, shard, seq, case, number))
        if hashlib.sha256(text).digest() != sealed[:32]:
            raise ValueError(f'fact {shard}/{seq}: the commitment is not that of its values')
        found, at = [], 16
        while at < len(text):
            found.append(text[at + 1:at + 1 + text[at]].decode())
            at += 1 + text[at]
        return found

    def raw(self, shard, seq, case, kind, sealed):
        """A record's own bytes, kept with a fact of this kind."""
        return self.key(shard, case, seq).decrypt(nonce(RAW, seq), sealed, label(RAW, shard, seq, case, KINDS[kind]))

    def accounts(self):
        """pseudonym → number, of every account that a report or a chase named."""
        known = {}
        for body, in self.world.sql("select encode(body, 'hex') from fact where kind in ('transfer_claimed', 'account_reached')"):
            for value in self.values(bytes.fromhex(body)):
                known[self.keys.account(value)] = value
        return known
