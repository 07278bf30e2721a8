"""SLA policies read a third time, from engine/core/sla.h and schemas/sql/README.md: limits and verdicts of raw rows of order_state, with exact integers."""
from datetime import datetime

from scorecard import CHINA, elapsed, us


def limits(policy, institution, action, issued):
    """(receipt, feedback) in milliseconds: the first rule that fits."""
    local = datetime.fromisoformat(issued).astimezone(CHINA)
    kind = 'holiday' if local.isoweekday() >= 6 else 'workday'
    for entry in policy.removesuffix(';').split(';'):
        words = entry.split(' ')
        if words[0] == 'day':
            kind = words[2] if words[1] == local.strftime('%Y-%m-%d') else kind
            continue
        first, last = map(int, words[2].split('-'))
        if words[0] in ('*', institution) and words[1] in ('*', action) and words[3] in ('any', kind) and first <= local.hour < last:
            return int(words[4]), int(words[5])
    raise ValueError('no rule fits')


def judge(row, limit_ms, stamp):
    if row[f'{stamp}_at'] is None:
        return 'missing' if row['overdue'] else 'open'
    left = limit_ms * 1000 - (us(row['decided_at']) - us(row['issued_at']))
    return 'in_time' if elapsed(row, 'decided', stamp) <= left else 'late'


def verdicts(row, policies):
    """(version, receipt, feedback) by the newest policy that was effective when the cause was appended; None: there was none. policies: (version, effective, text)."""
    known = [p for p in policies if us(p[1]) <= us(row['issued_at'])]
    if not known or row['state'] in ('draft', 'dropped', 'cancelled'):
        return None
    version, _, text = max(known, key=lambda p: p[0])
    receipt_ms, feedback_ms = limits(text, row['institution'], row['action'], row['issued_at'])
    if row['sent_at'] is None:
        return version, 'not_sent', 'not_sent'
    return version, judge(row, receipt_ms, 'received' if row['received_at'] else 'ended'), judge(row, feedback_ms, 'ended')


def deadline_us(row, policies):
    known = [p for p in policies if us(p[1]) <= us(row['issued_at'])]
    return us(row['issued_at']) + limits(max(known, key=lambda p: p[0])[2], row['institution'], row['action'], row['issued_at'])[1] * 1000
