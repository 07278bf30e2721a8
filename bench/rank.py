"""Nearest rank: the percentile that is one of the values."""


def rank(values, share):
    ordered = sorted(values)
    return ordered[max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1)] if ordered else float('nan')
