"""A story that the demo shows and tests/integration/life checks: VICTIM → A1 (bank) → W1 (wallet, named by clearing serial only) → B1 (bank);
A1 → C1, where another victim paid too; the rest in cash."""
import datetime
import json
import time

from world import wait_until

NOW = int(time.time())
DOCUMENT = '02,X-1,city bureau'


def row(side, amount, ago_s, serial, institution='', number='', name='', **more):
    other = {'institution': institution, 'number': number, 'name': name}
    return {'side': side, 'amount': f'{amount}.00', 'at_us': (NOW - ago_s) * 1000000, 'serial': serial, 'other': other, **more}


SCRIPT = {
    'BANKA': {'6222020000001235': {'name': '张三', 'balance': '1000.00', 'transactions': [
        row('credit', 50000, 3000, 'V-1', 'BANKV', '6222029999990001', '王芳', balance='52000.00'),
        row('debit', 30000, 2900, 'T-1', 'PAYA'), row('debit', 18000, 2800, 'T-2', 'BANKC', '6222020000003335', '李四'),
        row('debit', 3000, 2700, 'T-3', cash=True)]}},
    'PAYA': {'T-1': {'balance': '0.00', 'transactions': [row('debit', 30000, 2890, 'T-1', 'PAYA', 'wallet01@paya', '钱五')]},
             'wallet01@paya': {'name': '钱五', 'balance': '500.00', 'transactions': [
                 row('credit', 30000, 2890, 'T-1', 'BANKA', '6222020000001235', '张三', balance='30000.00'),
                 row('debit', 29500, 2600, 'T-4', 'BANKB', '6222020000005678', '孙六')]}},
    'BANKB': {'6222020000005678': {'name': '孙六', 'balance': '29500.00', 'transactions': [
        row('credit', 29500, 2600, 'T-4', 'PAYA', 'wallet01@paya', '钱五', balance='29500.00')]},
              '6222020000008888': {'name': '周八', 'balance': '7000.00', 'transactions': []}},
    'BANKC': {'6222020000003335': {'name': '李四', 'balance': '90000.00', 'transactions': [
        row('credit', 18000, 2800, 'T-2', 'BANKA', '6222020000001235', '张三', balance='18000.00')]}},
}


def prepare(world):
    """Before the world starts: what its institutions know."""
    (world.dir / 'script.json').write_text(json.dumps(SCRIPT))
    world.script = world.dir / 'script.json'


def days_from_now(days):
    return datetime.datetime.fromtimestamp(NOW + days * 86400).astimezone().isoformat()


def report(world, name, transfers, chase=True, **top):
    """Submits; returns the case."""
    at = datetime.datetime.fromtimestamp(NOW - 3000).astimezone().isoformat()
    lines = [f'{k}: "{v}"' for k, v in {'victim': '王芳', 'form': 'ZF-1', **top}.items()]
    if chase:
        lines.append('chase: {hops: 4, fan_out: 10, least: "100.00"}')
    lines.append('transfers:')
    for code, account, holder, amount, serial in transfers:
        lines += [f'  - to: {{institution: {code}, account: "{account}", name: "{holder}"}}', f'    amount: "{amount}.00"', f'    at: {at}', f'    serial: "{serial}"']
    file = world.dir / f'{name}.yaml'
    file.write_text('\n'.join(lines) + '\n')
    return world.holdfast('report', 'submit', file).stdout.strip()


def order(world, case, institution, action, state=None):
    """The newest such order's id, once it has that state."""
    def find():
        rows = world.sql(f"select order_id, state from order_state where case_id = '{case}' and institution = '{institution}' and action = '{action}' order by issued_at desc, page desc")
        return rows and (state is None or rows[0][1] == state) and rows[0][0]
    return wait_until(f'{action} at {institution} {state}', find, 30)


def hold(world, case, institution, kind):
    return world.sql(f"select state from hold where case_id = '{case}' and institution = '{institution}' and kind = '{kind}'", one=True)


def chase(world):
    """Three hops are stopped; returns the case."""
    case = report(world, 'first-victim', [('BANKA', '6222020000001235', '张三', 50000, 'V-1')])
    wait_until('three hops are stopped', lambda: all(hold(world, case, c, 'stop') == 'in_force' for c in ('BANKA', 'PAYA', 'BANKB', 'BANKC')), 30)
    return case


def freeze(world, case):
    """By two officers, with a document; returns the freeze's order."""
    paper = world.dir / 'notice.pdf'
    paper.write_text('notice')
    stop = order(world, case, 'BANKA', 'stop', 'effective_short')
    waiting = world.holdfast('freeze', case, stop, '--document', f'{DOCUMENT},{paper}', '--until', days_from_now(90), '--confirm=1').stdout.strip()
    world.holdfast('approve', waiting, who='second')
    return order(world, case, 'BANKA', 'freeze', 'effective')


def mismatch(world):
    """The name is wrong; corrected and sent again; returns the case."""
    case = report(world, 'wrong-name', [('BANKB', '6222020000008888', '周七', 6000, 'V-9')], chase=False)
    stop = order(world, case, 'BANKB', 'stop', 'refused_fixable')
    world.holdfast('fix', case, stop, '--name', '周八')
    order(world, case, 'BANKB', 'stop', 'effective')
    return case


def second_victim(world, case):
    """Another victim of the same fraud paid C1 directly: the same case, another transfer."""
    report(world, 'second-victim', [('BANKC', '6222020000003335', '李四', 9000, 'V-2')], case_id=case, form='ZF-2')


def cascade_lift(world, case):
    """A1's stop and what was held for the same transfer only; C1 stays, for the second victim."""
    stop = order(world, case, 'BANKA', 'stop')
    lift = world.holdfast('lift', case, stop, '--cascade', '--confirm=1').stdout.strip()
    world.holdfast('approve', lift, who='second')
    wait_until('the descendants are lifted', lambda: all(hold(world, case, c, 'stop') == 'lifted' for c in ('BANKA', 'BANKB', 'PAYA')), 20)
