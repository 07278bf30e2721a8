#!/usr/bin/env python3
"""Recomputes score-cards from raw rows of order_state, with Python's exact arithmetic and not by Holdfast's SQL; written from
schemas/sql/README.md. usage: scorecard.py < rows.json prints a list as `holdfast scorecard --json` has it, in the view's own units."""
import decimal
import json
import math
import sys
from datetime import datetime, timedelta, timezone
from fractions import Fraction

NEVER = 2**63 - 1
CHINA = timezone(timedelta(hours=8))
decimal.getcontext().prec = 60


def us(text):
    """Microseconds since 1970 of PostgreSQL's ISO text, exactly."""
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    return int((at - datetime(1970, 1, 1, tzinfo=timezone.utc)) / timedelta(microseconds=1))


def wilson(k, n, sign):
    """Wilson (1927), z = 1.96, to four places, half away from zero."""
    if n == 0:
        return None
    z2, p = Fraction(196, 100) ** 2, Fraction(k, n)
    inside = (p * (1 - p) + z2 / (4 * n)) / n
    root = (decimal.Decimal(inside.numerator) / decimal.Decimal(inside.denominator)).sqrt()
    centre = p + z2 / (2 * n)
    value = (decimal.Decimal(centre.numerator) / centre.denominator + sign * decimal.Decimal('1.96') * root) / (1 + decimal.Decimal(z2.numerator) / z2.denominator / n)
    value = max(decimal.Decimal(0), min(decimal.Decimal(1), value))
    return value.quantize(decimal.Decimal('0.0001'), decimal.ROUND_HALF_UP)


def rank(values, share):
    """Nearest rank: the smallest value that at least this share does not exceed."""
    if not values:
        return None
    ordered = sorted(values)
    found = ordered[max(math.ceil(share * len(ordered)), 1) - 1]
    return None if found == NEVER else found


def elapsed(row, start, end):
    """Microseconds between two stamps: by the monotonic clock where both are of one boot, else by the wall clock, never below zero."""
    if row[f'{start}_mono_ns'] is not None and row[f'{end}_mono_ns'] is not None:
        return (row[f'{end}_mono_ns'] - row[f'{start}_mono_ns']) // 1000
    return max(0, us(row[f'{end}_at']) - us(row[f'{start}_at']))


def scorecards(rows):
    groups = {}
    lifted = {(r['shard'], r['parent']) for r in rows if r['action'] in ('lift', 'unfreeze') and r['state'] == 'effective'}
    for row in rows:
        if row['action'] == 'monitor' or row['state'] in ('draft', 'dropped', 'cancelled'):
            continue
        sent, ended, executed = (us(row[k]) for k in ('sent_at', 'ended_at', 'executed_at'))
        allowed = us(row['deadline']) - us(row['decided_at'])  # from the decision, whatever the wall clock did since
        month = datetime.fromisoformat(row['decided_at']).astimezone(CHINA).strftime('%Y-%m')
        card = groups.setdefault((row['institution'], month, row['action']), {'counted': [], 'mismatches': 0, 'repeated': 0, 'skews': [], 'not_sent': 0, 'still_in_time': 0, 'invalid': 0, 'held': 0, 'lifted': 0})
        card['mismatches'] += row['result'] == '0301'
        card['repeated'] += row['attempts'] > 1
        card['invalid'] += row['invalid']
        holds = row['action'] in ('stop', 'freeze') and row['state'] == 'effective'
        card['held'] += holds
        card['lifted'] += holds and (row['shard'], row['order_id']) in lifted
        if executed is not None and ended is not None:
            card['skews'].append(executed - ended)
        if sent is None:
            card['not_sent'] += 1
        elif ended is None and not row['overdue']:
            card['still_in_time'] += 1
        else:
            card['counted'].append((NEVER if ended is None else elapsed(row, 'sent', 'ended'), ended is not None and elapsed(row, 'decided', 'ended') <= allowed, allowed - elapsed(row, 'decided', 'sent')))
    told = []
    for (institution, month, action), card in sorted(groups.items()):
        answers = [a for a, _, _ in card['counted']]
        on_time = sum(on for _, on, _ in card['counted'])
        told.append({'institution': institution, 'month': month, 'action': action, 'orders': len(answers), 'on_time': on_time, 'on_time_low': wilson(on_time, len(answers), -1),
                     'on_time_high': wilson(on_time, len(answers), 1), 'unanswered': answers.count(NEVER), 'p50_us': rank(answers, Fraction(1, 2)), 'p95_us': rank(answers, Fraction(95, 100)),
                     'p99_us': rank(answers, Fraction(99, 100)), 'just_in_time': sum(on and a >= Fraction(95, 100) * allowed for a, on, allowed in card['counted']),
                     'mismatches': card['mismatches'], 'repeated': card['repeated'], 'skew_us': rank(card['skews'], Fraction(1, 2)), 'not_sent': card['not_sent'],
                     'still_in_time': card['still_in_time'], **{k: card[k] for k in ('invalid', 'held', 'lifted')}})
    return told


if __name__ == '__main__':
    given = json.load(sys.stdin)
    print(json.dumps(scorecards(given['rows']), default=str))
