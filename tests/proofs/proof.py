"""What the proofs share: load, the checker, the figure at the end.

The checker is not built from the engine: it recomputes order ids with Python's hashlib, and reads the broker's acknowledgements
(the load's file), PostgreSQL's rows and the institutions' own ledgers.
"""
import argparse
import collections
import hashlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / 'deploy'), str(ROOT / 'tests/peers')]
import personal  # noqa: E402
from world import World, wait_until  # noqa: E402

ACTIONS = {'stop': 1, 'query': 2}


def options(what, **defaults):
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument('--build', default='release', help='which build/ to run')
    parser.add_argument('--keep', action='store_true', help='leave the folder for a look')
    for name, value in defaults.items():
        parser.add_argument('--' + name, type=type(value), default=value, help=f'{value} unless told')
    return parser.parse_args()


class Proof:
    """with Proof(...) as p: … ; the folder goes at the end, the figure is the last line, exit 1 where something did not hold."""

    def __init__(self, name, arguments, institutions=('BANKA', 'BANKB', 'BANKC', 'PAYA', 'PAYB'), **world):
        self.name, self.arguments, self.failures = name, arguments, []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f'holdfast-{name}-'))
        self.world = World(self.folder, build=arguments.build, institutions=institutions, **world)
        self.loads = []

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for name in [n for n in self.world.processes if n.startswith('load')]:
            self.world.end(name)
        self.world.stop()
        broke = kind is not None and not (kind is SystemExit and value.code in (0, None))
        if broke:
            for log in sorted(self.folder.glob('engine*.log')):
                print(f'--- {log.name}\n' + ''.join(log.read_text(errors='replace').splitlines(True)[-15:]), file=sys.stderr)
        if self.arguments.keep or broke:
            print(f'the folder stays: {self.folder}', file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def say(self, text):
        print(f'{self.name}: {text}', file=sys.stderr, flush=True)

    def expect(self, holds, what):
        if not holds:
            self.failures.append(what)
            self.say(f'DOES NOT HOLD: {what}')

    def finish(self, figure):
        print(f'{self.name}: {"holds" if not self.failures else "DOES NOT HOLD"}: {figure}', flush=True)
        sys.exit(1 if self.failures else 0)

    # --- load ---

    def start_load(self, rate, seconds, wait=True):
        name = f'load-{len(self.loads)}'
        out = self.folder / f'{name}.acked'
        world = self.world
        process = world.spawn(name, [world.bin / 'load', '--brokers', world.brokers, '--topic', 'holdfast.reports', '--key',
                                     self.folder / 'tls/officer.key.pem', '--rate', rate, '--seconds', seconds, '--out', out, *world.codes],
                              stdout=subprocess.PIPE)
        self.loads.append((name, out))
        process.stdout.readline()
        return name

    def load_running(self, name):
        return self.world.alive(name)

    def end_load(self, name, seconds=120):
        process = self.world.processes.pop(name)
        process.wait(seconds)
        self.expect(process.returncode == 0, f'{name} delivered every report')

    def acked(self):
        """report id -> (case id, partition, offset, due in microseconds), as the broker acknowledged it to the load."""
        rows = {}
        for _, out in self.loads:
            for line in out.read_text().splitlines():
                report, case, partition, offset, due = line.split()
                rows[report] = (case, int(partition), int(offset), int(due))
        return rows

    def wait_settled(self, seconds=900):
        """Every acknowledged report has its row and every order has ended."""
        count = len(self.acked())

        def settled():
            if int(self.world.sql('select count(*) from report', one=True)) < count:
                return False
            return self.world.sql("select count(*) from order_state where ended_at is null", one=True) == '0'
        wait_until(f'{count} reports recorded and all orders ended', settled, seconds, every=0.5)

    # --- the checker ---

    def check_reports(self):
        """Exactly one row in report or quarantine for each acknowledged record."""
        rows = collections.Counter((int(s), int(o)) for s, o in self.world.sql(
            'select shard, topic_offset from report union all select shard, topic_offset from quarantine'))
        acked = self.acked()
        wrong = [r for r, (_, partition, offset, _) in acked.items() if rows[(partition, offset)] != 1]
        self.expect(not wrong, f'each of {len(acked)} acknowledged reports has one row; not so: {len(wrong)}, first {wrong[:1]}')
        reports = collections.Counter(r for r, in self.world.sql('select report_id from report'))
        wrong = [r for r in acked if reports[r] != 1]
        self.expect(not wrong, f'each acknowledged report was accepted once; not so: {len(wrong)}')
        return len(acked)

    def check_orders(self, every=True):
        """Ids recomputed from what the orders are; the ledgers know no other, and each took effect at most once."""
        expected = {}
        known = personal.Reader(self.world).accounts()
        numbers = [(shard, case, institution, known[pseudonym]) for shard, case, institution, pseudonym in self.world.sql('select shard, case_id, institution, number from account')]
        for shard, case, institution, number in numbers:
            for action in ACTIONS:
                expected[order_id(case, institution, number, action, int(shard))] = (institution, account_token(number), case, action)
        effects = collections.Counter()
        invented, moved = [], []
        for code in self.world.codes:
            for row in self.world.ledger(code):
                if 'effect' not in row:
                    continue
                effects[row['order']] += 1
                known = expected.get(row['order'])
                if known is None:
                    invented.append(row['order'])
                elif known != (code, row['account'], known[2] if row['case'] == '-' else row['case'], row['action']):  # not every dialect says the case
                    moved.append(row['order'])
        twice = [o for o, n in effects.items() if n > 1]
        self.expect(not invented, f'no order id was invented; {len(invented)} are, first {invented[:1]}')
        self.expect(not moved, f'each order is about what its id says; {len(moved)} are not')
        self.expect(not twice, f'no order took effect twice; {len(twice)} did')
        if every:
            missing = [o for o in expected if o not in effects]
            self.expect(not missing, f'each order reached its institution; {len(missing)} of {len(expected)} did not')
            accounts = len(self.acked()) * len(self.world.codes)
            self.expect(len(numbers) >= accounts, f'{accounts} accounts were named, {len(numbers)} are there')
        return len(effects)

    def check_facts(self):
        """Gap-free per shard, each with its leaf in the tree that was signed; and the tables are what the facts say."""
        for shard, low, high, count in self.world.sql('select shard, min(seq), max(seq), count(*) from fact group by 1'):
            self.expect(int(low) == 1 and int(high) == int(count), f'facts of shard {shard} run from 1 to {count} without a gap')
        warned = [line for log in self.folder.glob('engine-*.log') for line in log.read_text(errors='replace').splitlines() if line.startswith('WARNING:  skipping')]  # a table that it may not look after
        self.expect(not warned, f'PostgreSQL warned an engine: {warned[:1]}')
        for command in ('check', 'replay'):
            done = self.world.holdfast('audit', command, check=False)
            self.expect(done.returncode == 0, f'audit {command}: {done.stdout.strip()[-300:]} {done.stderr.strip()[-600:]}')


def order_id(case, institution, number, action, shard):
    """design.md section 5, written a second time."""
    case_bytes = uuid.UUID(case).bytes
    where, account = institution.encode(), number.encode()
    digest = hashlib.sha256(case_bytes + bytes([len(where), len(account)]) + where + account + bytes([ACTIONS[action], 0, 0, 0, 0])).digest()
    raw = bytearray(case_bytes[:6] + bytes([0x80 | shard >> 8, shard & 0xff]) + digest[:8])
    raw[8] = raw[8] & 0x3f | 0x80
    return str(uuid.UUID(bytes=bytes(raw)))


def account_token(number):
    return str(uuid.UUID(bytes=hashlib.sha256(number.encode()).digest()[:16]))


def percentile(values, share):
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1)] if ordered else float('nan')
