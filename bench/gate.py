"""bench/run gate: an institution's callback, from when it is due to durable in PostgreSQL (the commit's own time), beside its way to Kafka and back (202), over 200 connections
with mutual TLS, signed P-256, real Kafka and PostgreSQL."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

from rank import rank
from world import World, wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNSIGNED = {'engine.verify': 'no', 'engine.sign': 'no', 'engine.queries': 'no'}  # of reports and orders: what is measured is the way back


def visit(world, orders, rate, *options, name='visitors'):
    """Says an answer to each of the orders; rows of order, due, replied (microseconds), status, tries."""
    out, tls = world.dir / name, world.dir / 'tls'
    done = subprocess.run([world.bin / 'visitors', '--gate', f'127.0.0.1:{world.gates["gate"][0]}', '--code', 'BANKP', '--cert', tls / 'BANKP.pem', '--key', tls / 'BANKP.key', '--ca', tls / 'ca.pem',
                           '--signing-key', tls / 'member-BANKP.key.pem', '--rate', str(rate), '--out', out, *options], input=''.join(f'{o}\n' for o in orders), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [(order, int(due), int(replied), int(status), int(tries)) for order, due, replied, status, tries in (line.split() for line in out.read_text().splitlines())]


def open_orders(world, count, rate=400):
    """Orders that the institution has and has said so: nothing is sent again. Returns their ids."""
    subprocess.run([world.bin / 'load', '--brokers', world.brokers, '--topic', 'holdfast.reports', '--key', world.dir / 'tls/officer.key.pem', '--rate', str(rate), '--seconds', str(count / rate),
                    '--out', world.dir / 'load', '--unsigned', 'BANKP'], check=True, capture_output=True)
    told = set()

    def all_received():
        rows = {r[0] for r in world.sql("select order_id from order_state where action = 'stop' and sent_at is not null and ended_at is null")}
        if rows - told:
            said = visit(world, sorted(rows - told), 5000, '--receipts', '--connections', '8', name='receipts')
            told.update(order for order, _, _, status, _ in said if status == 202)
        return len(told) >= count
    wait_until(f'{count} orders have their receipt', all_received, 180, every=0.01)
    wait_until('and it is recorded', lambda: int(world.sql("select count(*) from order_state where state = 'received'", one=True)) >= count, 60, every=0.5)
    return sorted(told)


def world_of(folder, build):
    world = World(folder, build=build, institutions=('BANKA', 'BANKP'), dialects={'BANKP': 'holdfast_json_pull'})
    world.members, world.commit_times, world.settings = {'BANKP': 'ecdsa-p256'}, True, {**UNSIGNED, 'postgres.pace_us': 500}
    return world


def measure(world, orders, rate):
    said = visit(world, orders, rate)
    kept = {order: due for order, due, _, status, _ in said if status == 202}
    wait_until('all are recorded', lambda: int(world.sql("select count(*) from order_state where state = 'effective'", one=True)) >= len(kept), 60, every=0.5)
    durable = dict(world.sql("select order_id, (extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000000)::bigint from order_state where state = 'effective'"))
    return {'callbacks': len(said), 'kept': len(kept), 'to_202_ms': {f'p{q:g}': rank([(r - d) / 1000 for _, d, r, s, _ in said if s == 202], q / 100) for q in (50, 90, 99)},
            'to_durable_ms': {f'p{q:g}': rank([(int(durable[o]) - due) / 1000 for o, due in kept.items()], q / 100) for q in (50, 90, 99)}}


def gate(seconds, rate, build='release'):
    subprocess.run([ROOT / 'deploy/build', build], check=True, stdout=sys.stderr)
    folder = pathlib.Path(tempfile.mkdtemp(prefix='holdfast-gate-bench-'))
    with world_of(folder, build) as world:
        world.start(try_timeout_ms=2000, window=64)
        world.start_gate('gate', '--rate', '20000')
        orders = open_orders(world, int(seconds * rate) + 1000)
        visit(world, orders[:1000], rate, name='warm')  # connections, plans: not counted
        result = {'rate': rate, 'seconds': seconds, 'connections': 200, **measure(world, orders[1000:], rate)}
        result['read_to_durable_us'] = {q: world.metrics()[f'holdfast_stage_quantile_microseconds{{stage="feedback_to_durable",quantile="{q}"}}'] for q in (0.5, 0.99)}
    shutil.rmtree(folder, ignore_errors=True)
    return result
