#!/usr/bin/env python3
"""Verifies an audit bundle with Python's standard library only. Written from RFC 6962 (tree), RFC 8032 (Ed25519), C2SP signed-note and
tlog-checkpoint, and engine/audit/README.md (leaf): not from Holdfast's C code.

usage: audit_verify.py BUNDLE KEY     exit 0: right; 1: wrong, with the first bad sequence number; 2: usage
"""
import base64
import hashlib
import json
import struct
import sys
import uuid


class Wrong(Exception):
    pass


# --- RFC 8032, section 5.1: Ed25519 verification ---

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, point):
    result = (0, 1, 1, 0)
    while number > 0:
        if number & 1:
            result = add(result, point)
        point = add(point, point)
        number >>= 1
    return result


def same_point(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def recover(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P != 0:
        return None
    return P - x if x & 1 != sign else x


def point(data):
    y = int.from_bytes(data, 'little')
    sign, y = y >> 255, y & (1 << 255) - 1
    x = recover(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def ed25519_is_right(public, message, signature):
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r, s = point(public), point(signature[:32]), int.from_bytes(signature[32:], 'little')
    if a is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), 'little') % L
    return same_point(times(s, BASE), add(r, times(h, a)))


# --- RFC 6962, section 2.1 ---

DIGEST = 'sha256'  # of the bundle at hand: or sm3, GB/T 32905


def digest_of(data):
    return hashlib.new(DIGEST, data).digest()


def node_hash(left, right):
    return digest_of(b'\x01' + left + right)


def tree_root(hashes):
    """MTH; the stack holds roots of whole subtrees, largest first."""
    if not hashes:
        return digest_of(b'')
    stack = []
    for index, hash_ in enumerate(hashes):
        while index & 1:
            hash_ = node_hash(stack.pop(), hash_)
            index >>= 1
        stack.append(hash_)
    root = stack.pop()
    while stack:
        root = node_hash(stack.pop(), root)
    return root


def root_by_path(leaf, index, size, path):
    """The root that an audit path leads to, by the recursion of 2.1.1 read backwards."""
    if size == 1:
        if path:
            raise Wrong('the proof is too long')
        return leaf
    if not path:
        raise Wrong('the proof is too short')
    k = 1
    while 2 * k < size:
        k *= 2
    if index < k:
        return node_hash(root_by_path(leaf, index, k, path[:-1]), path[-1])
    return node_hash(path[-1], root_by_path(leaf, index - k, size - k, path[:-1]))


# --- C2SP: verifier keys and notes ---

def unbase64(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError('base64 that is not canonical')
    return data


def read_key(text):
    name, hash_, key = text.split('+', 2)
    raw = base64.b64decode(key, validate=True)
    if raw[:1] != b'\x01' or len(raw) != 33:
        raise ValueError('this verifier knows Ed25519 keys')
    if hashlib.sha256(name.encode() + b'\n' + raw).digest()[:4].hex() != hash_:
        raise ValueError('the hash of the key is another')
    return name, bytes.fromhex(hash_), raw[1:]


def open_note(note, key):
    name, hash_, public = key
    text, blank, lines = note.partition('\n\n')
    text += '\n'
    if not blank:
        raise Wrong('the checkpoint has no blank line')
    for line in lines.splitlines():
        words = line.split(' ')
        if len(words) != 3 or words[0] != '\u2014' or words[1] != name:
            continue
        try:
            signature = unbase64(words[2])
        except ValueError:
            continue
        if signature[:4] == hash_ and ed25519_is_right(public, text.encode(), signature[4:]):
            break
    else:
        raise Wrong('the checkpoint is not signed by this key')
    origin, size, root = text.split('\n')[:3]
    if not size.isascii() or not size.isdigit() or (size != '0' and size[0] == '0'):
        raise Wrong('the checkpoint has no size')
    root = unbase64(root)
    if len(root) != 32:
        raise Wrong('the checkpoint has no root')
    return origin, int(size), root


# --- engine/audit/README.md: the leaf ---

def unhex(text, size):
    if not isinstance(text, str) or len(text) != 2 * size or text.lower() != text:
        raise Wrong('hex of another size')
    return bytes.fromhex(text)


def id_bytes(text):
    if text == '':
        return bytes(16)
    if str(uuid.UUID(text)) != text:
        raise Wrong('an id that is not canonical')
    return uuid.UUID(text).bytes


def short(text):
    data = text.encode()
    if len(data) > 255:
        raise Wrong('a text of over 255 bytes')
    return bytes([len(data)]) + data


def leaf_hash(shard, row):
    commitment = digest_of(unhex(row['salt'], 16) + unbase64(row['body']))
    ids = [id_bytes(row[k]) for k in ('case_id', 'order_id')]
    for number in (row['seq'], row['decided_us']):
        if type(number) is not int:
            raise Wrong('seq or decided_us is no number')
    return digest_of(b'\x00HFL1' + struct.pack('>IQq', shard, row['seq'], row['decided_us']) + short(row['kind']) + ids[0] + ids[1] +
                     short(row['boot_id']) + unhex(row['previous'], 32) + commitment)


def check_leaves(shard, leaves, size, root):
    if not leaves:
        raise Wrong('no facts')
    proved, hashes, last, seq = 'proof' in leaves[0], [], bytes(32), 0
    try:
        for index, row in enumerate(leaves):
            seq = row.get('seq', index + 1)
            hash_ = leaf_hash(shard, row)
            if proved:
                if not 1 <= row['seq'] <= size:
                    raise Wrong('not a place in this tree')
                if root_by_path(hash_, row['seq'] - 1, size, [unhex(p, 32) for p in row['proof']]) != root:
                    raise Wrong('it is not in the tree that was signed')
                continue
            if row['seq'] != index + 1:
                raise Wrong('it is not the next one')
            if unhex(row['previous'], 32) != last:
                raise Wrong('the fact before it was another')
            hashes.append(hash_)
            last = hash_
    except Wrong as wrong:
        raise Wrong(f'seq {seq}: {wrong}') from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, struct.error) as error:
        raise Wrong(f'seq {seq}: {error!r}') from None
    if proved:
        return
    if len(hashes) != size:
        raise Wrong(f'seq {len(hashes) + 1}: facts are missing from here on')
    if tree_root(hashes) != root:
        raise Wrong(f'seq {size}: up to here the facts are not what was signed')


def no_twice(pairs):
    keys = [k for k, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError('a key stands twice')
    return dict(pairs)


def verify(text, key):
    """How many facts are right, in a tree of how many."""
    global DIGEST
    try:
        bundle = json.loads(text, object_pairs_hook=no_twice)
        if bundle['format'] != 'holdfast audit bundle 1' or type(bundle['shard']) is not int or not isinstance(bundle['leaves'], list):
            raise Wrong('no bundle of format 1')
        if bundle['hash'] not in ('sha256', 'sm3'):
            raise Wrong('no bundle of format 1: hash')
        DIGEST = bundle['hash']
        origin, size, root = open_note(bundle['checkpoint'], key)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Wrong(f'not a bundle: {error!r}') from None
    if origin.rpartition('/')[2] != f'shard-{bundle["shard"]}':
        raise Wrong("the checkpoint is another shard's")
    check_leaves(bundle['shard'], bundle['leaves'], size, root)
    return len(bundle['leaves']), size, origin


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with open(sys.argv[1], encoding='utf-8') as file:
            text = file.read()
        key = read_key(sys.argv[2])
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1 if isinstance(error, UnicodeDecodeError) else 2
    try:
        print('right: {} facts are in the tree of {} that {} has signed'.format(*verify(text, key)))
    except Wrong as wrong:
        print(wrong, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
