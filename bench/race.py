"""bench/run race: the share of the stolen money that is caught, by minutes from theft to call: Holdfast's chase in the simulator beside centres as
fast as the published national ones. Prints the table, writes the plot to bench/race.svg. Every centre meets the same mule networks."""
import math
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = {  # what is published, as shared/reference/domain.md section 5 has it; from the call to the first stop, then from hop to hop
    'holdfast, banks answer by machine': 'ours: 60 s for the officer; banks put an order into effect 0.2 to 1.5 s after it left',
    'holdfast, banks take a minute': 'ours: 60 s for the officer; banks take 45 to 75 s for each order',
    'Korea, 112 line': '1 min (112 line, 2011: 6 steps in 5 min became 2 in 1 min); no onward stop is published',
    'Thailand, AOC 1441': '15 min reported for 2,004 accounts (goal 60); taken for each hop',
    "China, Xiamen's best case": '20 min to the full intercept of CNY 455,400; taken as all hops known at once by then',
    'Malaysia, NFP': 'trace cut by 75 % to 30 min; taken for each hop',
    'India, Haryana': 'police 8 min, banks 5 h at hop 1 and 11 h at hop 2 (published outcome: 25 % blocked)',
    'Singapore, ASC': 'within 1 day since 2022 (published outcome of the first year: 40.8 %)',
}
MULES = {'fast': 'each account emptied 5 to 15 min after the money came (Korea: cash-out in 5-15 min)',
         'slow': 'each account emptied 1 to 6 h after the money came (an assumption: no source gives a figure)'}
COLOURS = ('#b3001b', '#e8743b', '#1f4e9c', '#2a9d8f', '#7a5195', '#8c6d1f', '#555555', '#aaaaaa')


def measure(worlds):
    """{mules: {centre: [(minutes, share, half of the 95 % interval)]}}"""
    subprocess.run([ROOT / 'deploy/build', 'release', 'holdfast-race'], check=True, stdout=sys.stderr)
    out = subprocess.run([ROOT / 'build/release/bin/holdfast-race', str(worlds)], capture_output=True, text=True, check=True).stdout
    points = {}
    for line in out.splitlines():
        centre, mules, minutes, share, half = line.split('\t')
        points.setdefault(mules, {}).setdefault(centre, []).append((int(minutes), float(share), float(half)))
    return points


def print_table(points, worlds):
    for mules, centres in points.items():
        minutes = [m for m, _, _ in next(iter(centres.values()))]
        print(f'\n{mules} mules: {MULES[mules]}\nshare caught, % ± half of the 95 % interval over {worlds} worlds, by minutes from theft to call')
        print(f'{"":<36}' + ''.join(f'{m:>12}' for m in minutes))
        for centre, row in centres.items():
            print(f'{centre:<36}' + ''.join(f'{100 * share:>7.1f} ±{100 * half:>3.1f}' for _, share, half in row))
    print('\nWhat each centre is taken to do after the call:')
    for centre, source in SOURCES.items():
        print(f'  {centre}: {source}')
    print('Centres other than Holdfast are given perfect tracing: whenever they act, they know every account the money reached.')


def plot(points, file):
    width, height, left, top = 430, 260, 60, 50
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * (width + left) + 40}" height="{height + 265}" font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/>']
    for panel, (mules, centres) in enumerate(points.items()):
        x0, y0 = left + panel * (width + left + 10), top + height
        minutes = [m for m, _, _ in next(iter(centres.values()))]
        low, high = math.log(minutes[0]), math.log(minutes[-1])

        def at(m, share, x0=x0, y0=y0, low=low, high=high):
            return f'{x0 + width * (math.log(m) - low) / (high - low):.1f},{y0 - height * share:.1f}'
        out.append(f'<text x="{x0}" y="20" font-weight="bold">{mules} mules</text><text x="{x0}" y="36" font-size="10">{MULES[mules]}</text>')
        for share in (0, 0.25, 0.5, 0.75, 1):
            a, b = at(minutes[0], share), at(minutes[-1], share)
            out.append(f'<path d="M{a} L{b}" stroke="#ddd"/><text x="{x0 - 8}" y="{y0 - height * share + 4:.1f}" text-anchor="end">{share:.0%}</text>')
        for m in minutes:
            out.append(f'<text x="{at(m, 0).split(",")[0]}" y="{y0 + 16}" text-anchor="middle">{m}</text>')
        out.append(f'<text x="{x0 + width / 2}" y="{y0 + 34}" text-anchor="middle">minutes from theft to call</text>')
        for colour, row in zip(COLOURS, centres.values()):
            band = [at(m, min(1, s + h)) for m, s, h in row] + [at(m, max(0, s - h)) for m, s, h in reversed(row)]
            out.append(f'<path d="M{" L".join(band)} Z" fill="{colour}" opacity="0.15"/>')
            out.append(f'<path d="M{" L".join(at(m, s) for m, s, _ in row)}" fill="none" stroke="{colour}" stroke-width="2"/>')
    for i, (colour, (centre, source)) in enumerate(zip(COLOURS, SOURCES.items())):
        y = top + height + 64 + i * 18
        out.append(f'<path d="M{left},{y - 4} h24" stroke="{colour}" stroke-width="3"/><text x="{left + 32}" y="{y}">{centre}: <tspan fill="#555">{source}</tspan></text>')
    out.append('</svg>')
    file.write_text('\n'.join(out) + '\n')


def race(worlds):
    points = measure(worlds)
    print_table(points, worlds)
    plot(points, ROOT / 'bench/race.svg')
    return points
