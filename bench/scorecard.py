"""A year of orders in PostgreSQL, and how long an auditor waits for its score-cards: by the raw rows, for the months that have ended to be kept, and as shown."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'deploy'))
from world import World  # noqa: E402

INSTITUTIONS, ACTIONS = 20, ('stop', 'query', 'query', 'freeze')
# The same number on each of 365 days, today too, however young it is; log-normal answers, one of a hundred never; of the stops and freezes one in 29 is lifted again, by an order of its own.
GENERATE = """set session_replication_role = replica; set synchronous_commit = off;
insert into order_state (shard, order_id, case_id, institution, account, action, ordinal, amount, currency, state, overdue, attempts, issued_at, decided_at, deadline, sent_at, received_at,
  ended_at, result, executed_at, submission_id, key_id, boot_id, decided_mono_ns, sent_mono_ns, received_mono_ns, ended_mono_ns, parent)
select shard, id, id, institution, '622202****1234~0123456789abcdef', action, 0, 100000, 'CNY', 'effective', a is null, 1, d - interval '3 ms', d, d + interval '60 s', d + interval '2 ms', d + interval '5 ms',
  d + a * interval '1 us', case when a is not null then '0000' end, d + (a - 1000) * interval '1 us', id, repeat('k', 32), '00000000-0000-0000-0000-000000000003', n * 1000000, n * 1000000 + 2000000,
  n * 1000000 + 5000000, n * 1000000 + a * 1000, parent
from (select n, (n %% 16)::int as shard, lpad(to_hex(n), 32, '0')::uuid as id, case when n %% 29 = 0 and n > 16 then lpad(to_hex(n - 16), 32, '0')::uuid end as parent, 'BANK' || lpad((n %% %(institutions)d)::text, 2, '0') as institution,
    case when n %% 29 = 0 then 'lift' else (array['%(actions)s'])[1 + (n / %(institutions)d %% %(count)d)::int] end as action, to_timestamp(%(begin)f + day * 86400.0 + (n * 365.0 / %(orders)d - day) * case day when 364 then %(today)f else 86400 end) as d,
    case when n %% 97 <> 0 then 2000 + exp(11.5 + 1.2 * (random() + random() + random() + random() - 2))::int8 end as a
  from (select n, (n * 365 / %(orders)d)::int as day from generate_series(1::int8, %(orders)d - 1) n) g) x"""


def scorecard(orders, build='release', say=lambda text: None):
    folder = pathlib.Path(tempfile.mkdtemp(prefix='holdfast-bench-'))
    try:
        with World(folder, build=build, broker='dev') as world:
            world.start_postgres(fsync=False)
            config = folder / 'owner.yaml'
            config.write_text(f'conninfo: "{world.conninfo}"\n')

            def holdfast(*words):
                start = time.monotonic()
                out = subprocess.run([world.bin / 'holdfast', '--config', config, '--json', *words], check=True, capture_output=True, text=True).stdout
                return time.monotonic() - start, out

            def timed(text):
                start = time.monotonic()
                world.sql(text)
                return time.monotonic() - start
            subprocess.run([world.bin / 'holdfast', '--config', config, 'migrate'], check=True, capture_output=True)
            now = datetime.now(timezone.utc)
            today = (now + timedelta(hours=8)).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=8)
            say(f'{orders:,} orders of a year')
            found = {'orders': orders}
            found['load_s'] = timed(GENERATE % {'institutions': INSTITUTIONS, 'actions': "', '".join(ACTIONS), 'count': len(ACTIONS), 'begin': today.timestamp() - 364 * 86400, 'today': (now - today).total_seconds(), 'orders': orders})
            world.sql("insert into sla select shard, 1, '2020-01-01', '* stop 0-24 any 1000 30000;* * 0-24 any 5000 60000;', now() from generate_series(0, 15) shard")
            found['vacuum_s'] = timed('vacuum analyze order_state')
            found['raw_s'] = timed('select count(*), max(p95_us) from scorecard_raw')
            say('loaded; keeping the days that have ended')
            found['first_s'], first = holdfast('scorecard')
            found['shown_s'], shown = max(holdfast('scorecard') for _ in range(3))
            month = f'{today + timedelta(hours=8) - timedelta(days=(now + timedelta(hours=8)).day):%Y-%m}'  # the last whole one
            for page in ('scorecard', 'sla', 'sla verdicts', 'timing hop', 'timing hour'):
                found[f'{page} {month}'], _ = max(holdfast(*page.split(), month) for _ in range(3))
            found['live_orders'] = int(world.sql("select count(*) from order_state where decided_at >= coalesce((select day_begins(max(day) + 1) from day_kept), '-infinity')", one=True))
            found['wrong'] = int(world.sql('select count(*) from kept_wrong()', one=True))
            found['cards'], found['same'] = len(json.loads(shown)), first == shown
            found['differ'] = int(world.sql('select count(*) from (table scorecard except table scorecard_raw) d', one=True)) + int(world.sql('select count(*) from (table scorecard_raw except table scorecard) d', one=True))
            return found
    finally:
        shutil.rmtree(folder, ignore_errors=True)
