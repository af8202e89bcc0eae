"""Rows of weft-bench, and those of the same name of its rivals.

Every round visits every row, and for each row every program in turn. They run on one processor, but on all
for the rows that are about two threads. Before each row the calibrate row of weft-bench runs: a bare switch,
whose cost says how fast the machine was just then. Memory rows are bytes, all others CPU nanoseconds per
operation; a ratio is rival / weft: above 1, weft is cheaper.
"""
import json
import re
import statistics
import subprocess
import sys

from report import building, figures, processors, rivals, script, tables

# The source, and the library to link, by the name of --rivals.
CXX_RIVALS = {'boost-context': ('boost_context', ['-lboost_context']),
              'boost-fiber': ('boost_fiber', ['-lboost_fiber', '-lboost_context']), 'malloc': ('malloc', []),
              'mimalloc': ('malloc', ['-lmimalloc']), 'threads': ('thread_pool', [])}
RIVALS = ('go', *CXX_RIVALS)
HARNESS = ('harness.cpp', 'results.cpp')
CALIBRATE = 'calibrate'
ON_TWO_CPUS = {'atomic/contended_2', 'channel/cross_thread', 'deque/steal', 'mutex/contended_2',
               'semaphore/cross_thread'}  # the others run on one
TOPICS = {'memory': '^fiber/', 'files': '^(file/|stress/1000_files)', 'micro': ''}  # the first that matches


def programs(builder, wanted):
    """By name, weft first."""
    made = {'weft': builder.weft('benchmarks/weft-bench')}
    if 'go' in wanted:
        made[rivals.RIVALS['go'].name] = builder.go('go')
    shared = ['-iquote', building.BENCHMARKS, *(building.BENCHMARKS / f for f in HARNESS)]
    for key, (stem, libraries) in CXX_RIVALS.items():
        if key in wanted:
            made[rivals.RIVALS[key].name] = rivals.cxx(builder, key, stem, *shared, *libraries)
    return made


def listed(program, topics, filter_):
    """Its rows of these topics."""
    every = subprocess.run([program, '--list'], text=True, capture_output=True, check=True).stdout.split()
    return [row for row in every if row != CALIBRATE and filter_.search(row) and topic_of(row) in topics]


def topic_of(row):
    return next(topic for topic, pattern in TOPICS.items() if re.search(pattern, row))


def run_row(program, row, cpu):
    """The figures of one row, or None if the program has no such row."""
    asked = [program, '--format', 'json', '--filter', f'^{re.escape(row)}$']
    bound = None if row in ON_TWO_CPUS else processors.bind({cpu})
    done = subprocess.run(asked, text=True, capture_output=True, preexec_fn=bound)
    for line in done.stdout.splitlines():
        found = json.loads(line)
        if found['name'] == row:
            return found
    if done.returncode not in (0, 2):
        script.say(f'{program.name}, {row}: ended with {done.returncode}: {done.stderr.strip()[-200:]}')
    return None


def value(found):
    return found.get('cpu_ns_per_op', found.get('bytes'))


def measure(made, rows, rounds, cpu):
    """{row: {program: [figures of each round]}}, and every calibration."""
    results = {row: {name: [] for name in made} for row in rows}
    calibrations = []
    absent = set()
    for number in range(rounds):
        for row in rows:
            script.show(f'round {number + 1} of {rounds}: {row}')
            calibrated = run_row(made['weft'], CALIBRATE, cpu)
            if calibrated:
                calibrations.append(value(calibrated))
            for name, program in made.items():
                if (row, name) in absent:
                    continue
                found = run_row(program, row, cpu)
                if found is None:
                    absent.add((row, name))
                else:
                    results[row][name].append(found)
        if not sys.stderr.isatty():
            script.say(f'round {number + 1} of {rounds} done')
    script.show('')
    return results, calibrations


def summary(results):
    """One record per row and program."""
    records = []
    for row, by_program in results.items():
        ours = [value(f) for f in by_program['weft']]
        for name, found in by_program.items():
            theirs = [value(f) for f in found]
            if not theirs:
                continue
            median, low, high = figures.spread(theirs)
            record = {'row': row, 'program': name, 'unit': 'bytes' if 'bytes' in found[0] else 'cpu ns/op',
                      'median': median, 'min': low, 'max': high}
            for more in ('wall_ns_per_op', 'p50_ns', 'p99_ns', 'p999_ns'):
                if more in found[0]:
                    record[more] = statistics.median(f[more] for f in found)
            if name != 'weft' and len(ours) == len(theirs) and all(ours):
                record['ratio'] = figures.ratios(theirs, ours).median
            records.append(record)
    return records


def cells(records, names):
    """A table; only those programs that have one of its rows."""
    by_row = {}
    for record in records:
        by_row.setdefault(record['row'], {})[record['program']] = record
    names = [name for name in names if any(name in found for found in by_row.values())]
    table = [['row', *names]]
    for row, found in by_row.items():
        table.append([row, *(cell(found.get(name)) for name in names)])
    return table


def cell(record):
    if record is None:
        return '-'
    text = tables.number(record['median']) + (' B' if record['unit'] == 'bytes' else '')
    return text + (f" (x{record['ratio']:.1f})" if 'ratio' in record else '')


def told(calibrations):
    """A line about the machine's speed."""
    middle, low, high = figures.spread(calibrations)
    return (f'calibrate (a bare switch): {middle:.2f} ns [{low:.2f}..{high:.2f}] in {len(calibrations)} runs'
            + ('; its speed changed: trust the ratios, not the figures' if high > 1.25 * low else ''))
