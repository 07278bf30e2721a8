"""The demo behind deploy/quickstart: one victim, twelve accounts at nine institutions, 23 orders (a card host cannot be asked for transactions); then a case's whole life (story.py).
--keep leaves it running, --stop ends it."""
import datetime
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import story
from world import ROOT, World, wait_until

# all seven dialects over all four transports; BANKA and BANKB speak holdfast_json over HTTPS
DIALECTS = {'BANKC': 'platform_xml', 'BANKD': 'iso20022', 'BANKE': 'platform_xml_drop', 'BANKK': 'protobuf_kafka', 'CARDA': 'iso8583_packed', 'PAYA': 'wallet_json',
            'PAYB': 'platform_xml_wallet'}
CODES = {'BANKA': 'Demo Bank A', 'BANKB': 'Demo Bank B', 'BANKC': 'Demo Bank C', 'BANKD': 'Demo Bank D', 'BANKE': 'Demo Bank E', 'BANKK': 'Demo Bank K', 'CARDA': 'Demo Card Host A', 'PAYA': 'Demo Pay A', 'PAYB': 'Demo Pay B'}


def state_folder():
    """The user's own; root's is where the user postgres may go too, as which PostgreSQL then runs."""
    if os.environ.get('HOLDFAST_STATE'):
        return pathlib.Path(os.environ['HOLDFAST_STATE'])
    if os.geteuid() == 0:
        return pathlib.Path('/var/lib/holdfast-quickstart')
    return pathlib.Path(os.environ.get('XDG_STATE_HOME') or pathlib.Path.home() / '.local/state') / 'holdfast'


def with_check_digit(digits):
    """Luhn: as on real cards."""
    total = sum(int(d) if i % 2 else (int(d) * 2 - 9 if int(d) > 4 else int(d) * 2) for i, d in enumerate(reversed(digits)))
    return digits + str(-total % 10)


def write_report(file):
    now = datetime.datetime.now().astimezone().replace(microsecond=0)
    lines = ['case_number: "2026-DEMO-001"', 'victim: "王小明"', 'form: "ZF-2026-0001"', 'transfers:']
    for i in range(12):
        code = list(CODES)[i % len(CODES)]
        account = f'wallet{i:02}@{code.lower()}' if code.startswith('PAY') else with_check_digit(f'62220200{i:02}00{4100 + i * 37}')
        at = now - datetime.timedelta(minutes=20 - i)
        lines += [f'  - to: {{institution: {code}, account: "{account}", name: "{"赵钱孙李周吴郑王冯陈褚卫"[i]}某"}}',
                  f'    amount: "{12000 + i * 3500}.00"', f'    at: {at.isoformat()}']
    file.write_text('\n'.join(lines) + '\n')


def start_time(pid):
    try:
        return pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[19]
    except OSError:
        return None


def remember(world, folder):
    """Process ids with their start times: a number that was given to another process meanwhile is never signalled."""
    (folder / 'processes').write_text(''.join(f'{name} {p.pid} {start_time(p.pid)}\n' for name, p in world.processes.items()))


def stop(folder):
    file = folder / 'processes'
    rows = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    rows.sort(key=lambda row: (row[0] == 'postgres', not row[0].startswith('engine')))
    ended = 0
    for name, pid, began in rows:
        if start_time(pid) != began:
            continue
        os.kill(int(pid), signal.SIGINT if name == 'postgres' else signal.SIGTERM)
        end = time.monotonic() + 20
        while start_time(pid) == began and not zombie(pid):
            if time.monotonic() > end:
                os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.02)
        ended += 1
    file.unlink(missing_ok=True)
    return ended


def zombie(pid):
    try:
        return pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0] == 'Z'
    except OSError:
        return True


def say(text):
    print(text, file=sys.stderr, flush=True)


def tell_story(world):
    """Returns the case whose money was followed."""
    say('\nAnother victim. The money went on: bank → wallet → bank, and part of it to a third bank and into cash')
    case = story.chase(world)
    story.freeze(world, case)
    say('Three hops stopped, the first hold short of the amount; its freeze was signed by two officers:\n')
    print(world.holdfast('case', 'tree', case).stdout, flush=True)
    other = story.mismatch(world)
    say('A stop was refused because the name differs, corrected and sent again:\n')
    print(world.holdfast('case', 'show', other).stdout, flush=True)
    story.second_victim(world, case)
    story.cascade_lift(world, case)
    say('A second victim had paid BANKC directly. The first transfer\'s stops are lifted in one act; BANKC\'s stays, for the second victim:\n')
    print(world.holdfast('case', 'tree', case).stdout, flush=True)
    return case


def tell_evidence(world):
    """How each institution did, and one order's proof, verified by the program and by Python alone."""
    say('\nHow they did, from raw stamps (schemas/sql/README.md):\n')
    print(world.holdfast('scorecard').stdout, flush=True)
    order = world.sql("select order_id from order_state where action = 'stop' and ended_at is not null order by decided_at limit 1", one=True)
    wait_until('a checkpoint has the order', lambda: world.holdfast('audit', 'prove', order, check=False).returncode == 0, 30)
    bundle, key = world.dir / 'order.json', world.note_key()
    bundle.write_text(world.holdfast('audit', 'prove', order).stdout)
    verify = [world.bin / 'holdfast', 'audit', 'verify', bundle, '--key', key]
    say(f'The record of one stop, and the proof that nobody has changed it since:\n  {" ".join(map(str, verify))}\n')
    ours = subprocess.run(verify, capture_output=True, text=True)
    print(ours.stdout, flush=True)
    theirs = subprocess.run([ROOT / 'tests/peers/audit_verify.py', bundle, key], capture_output=True, text=True)
    say(f'Python, without a line of ours, says {theirs.stdout.strip()}')
    return ours.returncode == 0 and theirs.returncode == 0


def run(folder, keep):
    stop(folder)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    with World(folder, broker='dev', institutions=list(CODES), dialects=DIALECTS, on_spawn=lambda world: remember(world, folder)) as world:
        say(f'starting PostgreSQL, broker, nine institutions, their door and the engine below {folder}')
        story.prepare(world)
        world.members = {'BANKA': 'ecdsa-p256'}  # it may also come to the gate
        world.start(names=CODES)
        world.start_gate()
        print(world.holdfast('institution', 'list').stdout, flush=True)
        write_report(folder / 'report.yaml')
        say('submitting one signed report: one victim, twelve accounts\n')
        case = world.holdfast('report', 'submit', folder / 'report.yaml').stdout.strip()
        print(world.holdfast('case', 'watch', case).stdout)
        print(world.holdfast('sla').stdout, flush=True)
        stopped = int(world.sql("select count(distinct (o.institution, o.account)) from hold h join order_state o using (shard, order_id)", one=True))
        ended = int(world.sql("select count(*) from order_state where received_at is not null and ended_at is not null", one=True))
        say(f'case {case}: {stopped} accounts stopped, {ended} orders with receipt and feedback')
        told = tell_story(world)
        proved = tell_evidence(world)
        command, tls = f'build/release/bin/holdfast --config {folder}/officer.yaml', folder / 'tls'
        gate = f'curl --cacert {tls}/ca.pem --cert {tls}/BANKA.pem --key {tls}/BANKA.key https://127.0.0.1:{world.gates["gate"][0]}/v1/hello'
        if keep:
            say(f'\nStill running. Next:\n  {command} case show {case}\n  {command} case tree {told}\n  {command} task list\n  {command} order show ORDER\n  {command} doctor\n'
                f'  psql "{world.conninfo}"\n  curl http://127.0.0.1:{world.http["engine-1"]}/metrics\n'
                f'  {gate}     BANKA at the institutions\' door (engine/gate/README.md)\n'
                f'  less {folder}/banks/BANKA.ledger      what the simulated bank did\n  deploy/quickstart --stop')
            world.processes.clear()
        else:
            say('\nAll of it has ended again. deploy/quickstart --keep leaves it running and says where to look; README.md goes on from here.')
        return 0 if stopped == 12 and ended == 23 and proved else 1


def main(arguments):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = state_folder()
    if arguments == ['--stop']:
        ended = stop(folder)
        say(f'{ended} processes ended' if ended else 'nothing was running')
        return 0
    return run(folder, '--keep' in arguments)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
