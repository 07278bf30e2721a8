"""bench/run restart: a killed engine with very many open orders, to the first stop of a report that came meanwhile."""
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from world import World, wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent
ACCOUNTS = 20  # of one report: more would wait for a second officer; each has a stop and a query


def fill(world, reports):
    """Reports whose institutions never answer."""
    for code in ('BANKB', 'BANKC'):
        world.fault(code, 'silence')
    subprocess.run([world.bin / 'load', '--brokers', world.brokers, '--topic', 'holdfast.reports', '--key', world.dir / 'tls/officer.key.pem', '--rate', '200',
                    '--seconds', str(reports / 200), '--out', world.dir / 'acked', *['BANKB', 'BANKC'] * (ACCOUNTS // 2)], check=True, stdout=subprocess.DEVNULL)
    wait_until('all of it is recorded', lambda: int(world.sql('select count(*) from report', one=True)) >= reports, 1200, every=2)
    wait_until('nothing waits', lambda: world.metrics()['holdfast_record_facts_waiting'] == 0, 600, every=1)


def restart(orders):
    folder = pathlib.Path(tempfile.mkdtemp(prefix='holdfast-restart-'))
    subprocess.run([ROOT / 'deploy/build', 'release'], check=True, stdout=sys.stderr)
    with World(folder, build='release', institutions=('BANKA', 'BANKB', 'BANKC')) as world:
        world.settings.update({'core.orders': orders, 'core.accounts': orders, 'core.cases': orders // 20, 'dispatch.orders': orders * 2})
        world.start(window=32, connections=4, try_timeout_ms=60000, sla_feedback_ms=86400000)
        fill(world, orders // (ACCOUNTS * 2))
        open_orders = int(world.metrics()['holdfast_orders_in_memory'])
        world.end('engine-1', signal.SIGKILL)
        file = world.dir / 'report.yaml'
        file.write_text('victim: V\nform: ZF-1\ntransfers:\n  - to: {institution: BANKA, account: "6222020000000019", name: N}\n    amount: "1.00"\n'
                        '    at: 2026-01-01T01:00:00+08:00\n')
        world.holdfast('--timeout', 1, 'report', 'submit', file, check=False)  # nobody answers yet
        began = time.time()
        world.start_engine(wait=False)
        sent = wait_until('the stop is sent', lambda: world.sql(
            "select extract(epoch from sent_at) from order_state where institution = 'BANKA' and action = 'stop' and sent_at is not null"), 300, every=0.2)
        result = {'open_orders': open_orders, 'seconds': float(sent[0][0]) - began}
    shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(result))
    return result
