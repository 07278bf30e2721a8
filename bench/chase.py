"""bench/run chase: with real Kafka and PostgreSQL, five hops with three-way splits: from the last byte of an answer that shows where the money
went to the last byte of each next account's stop. An answer over a socket is committed first (design.md law 3), so this includes a commit; one over Kafka is durable there, and
what follows from it leaves at once: with --kafka two of the five institutions answer so, and their stops at the other three are measured."""
import datetime
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from rank import rank
from world import World, wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent
BANKS = ('BANKA', 'BANKB', 'BANKC', 'PAYA', 'PAYB')
HOPS, SPLIT = 5, 3
OVER_KAFKA = {'BANKA': 'protobuf_kafka', 'PAYA': 'protobuf_kafka'}
ACCOUNTS = sum(SPLIT ** hop for hop in range(HOPS + 1))
AMOUNT = 3 ** HOPS * 1000


def number(case, at):
    return f'6222{case:05d}{at:05d}9'  # ends in 9: no ending that banksim takes for a script


def bank(at):
    return BANKS[at % len(BANKS)]


def network(case, now):
    """code → number → account: account `at` got its money from (at - 1) // 3 and sends it on in three parts."""
    accounts = {code: {} for code in BANKS}
    hop, first = 0, 0
    for at in range(ACCOUNTS):
        if at == first + SPLIT ** hop:
            first, hop = at, hop + 1
        amount = AMOUNT // SPLIT ** hop
        source = {'institution': bank((at - 1) // SPLIT), 'number': number(case, (at - 1) // SPLIT)} if at else {'institution': 'BANKV', 'number': '62229999'}
        rows = [{'side': 'credit', 'amount': f'{amount}.00', 'at_us': (now - 3600 + 60 * hop) * 1000000, 'serial': f'T{case}-{at}', 'other': {**source, 'name': 'V'}}]
        for to in range(SPLIT * at + 1, SPLIT * at + 1 + SPLIT) if hop < HOPS else ():
            rows.append({'side': 'debit', 'amount': f'{amount // SPLIT}.00', 'at_us': (now - 3570 + 60 * hop) * 1000000, 'serial': f'T{case}-{to}',
                         'other': {'institution': bank(to), 'number': number(case, to), 'name': f'N{to}'}})
        accounts[bank(at)][number(case, at)] = {'name': f'N{at}', 'balance': f'{amount}.00', 'transactions': rows}
    return accounts


def submit(world, case, now):
    at = datetime.datetime.fromtimestamp(now - 3600).astimezone().isoformat()
    file = world.dir / 'report.yaml'
    file.write_text(f'victim: V\nform: ZF-{case}\nchase: {{hops: {HOPS}, fan_out: 10, least: "1.00"}}\ntransfers:\n'
                    f'  - to: {{institution: {bank(0)}, account: "{number(case, 0)}", name: N0}}\n    amount: "{AMOUNT}.00"\n    at: {at}\n    serial: T{case}-0\n')
    return world.holdfast('report', 'submit', file).stdout.strip()


def measure(world, cases, now, kafka=False):
    """(hop, milliseconds) of each onward stop; kafka: of those that an answer over Kafka caused, at an institution over https."""
    found = []
    for case in cases:
        case_id = submit(world, case, now)
        wait_until(f'{ACCOUNTS} accounts of case {case} are stopped', lambda: world.sql(
            f"select count(*) from order_state where case_id = '{case_id}' and action = 'stop' and ended_at is not null", one=True) == str(ACCOUNTS), 60, every=0.1)
        found += [(int(hop), float(ms)) for hop, ms in world.sql(
            "select s.hop, extract(epoch from s.sent_at - q.ended_at) * 1000 from order_state s join order_state q on q.shard = s.shard and q.order_id = s.parent "
            f"where s.case_id = '{case_id}' and s.action = 'stop' and s.hop > 0" + (f" and q.institution in {tuple(OVER_KAFKA)} and s.institution not in {tuple(OVER_KAFKA)}" if kafka else ''))]
    return found


def chase(cases, kafka=False):
    subprocess.run([ROOT / 'deploy/build', 'release'], check=True, stdout=sys.stderr)
    folder, now = pathlib.Path(tempfile.mkdtemp(prefix='holdfast-chase-')), int(time.time())
    script = {code: {} for code in BANKS}
    for case in range(cases + 1):
        for code, accounts in network(case, now).items():
            script[code].update(accounts)
    with World(folder, build='release', institutions=BANKS, dialects=OVER_KAFKA if kafka else None) as world:
        (folder / 'script.json').write_text(json.dumps(script))
        world.script, world.banks_sync = folder / 'script.json', False
        world.start(verify=False, window=64, connections=8)  # a bank's CPU is not the centre's
        measure(world, [0], now)  # warm: not counted
        found = measure(world, range(1, cases + 1), now, kafka)
    shutil.rmtree(folder, ignore_errors=True)
    print(f'answer read → onward stop on the wire, {"the answer over Kafka" if kafka else "its commit included"}; {cases} cases of {ACCOUNTS} accounts, {HOPS} hops, {SPLIT}-way splits; ms')
    print(f'{"hop":>5} {"stops":>7} {"p50":>8} {"p90":>8} {"p99":>8}')
    for hop in (*range(1, HOPS + 1), 'all'):
        values = [ms for h, ms in found if hop in (h, 'all')]
        print(f'{hop:>5} {len(values):>7} {rank(values, 0.5):>8.2f} {rank(values, 0.9):>8.2f} {rank(values, 0.99):>8.2f}')
    return {'first': rank([ms for h, ms in found if h == 1], 0.5), 'p50': rank([ms for _, ms in found], 0.5), 'p99': rank([ms for _, ms in found], 0.99), 'stops': len(found)}
