"""Servers beside each other, under one load after another.

All live while the rounds go on, each on one processor, with the load on another; each load visits them in
turns, so that all see the same minute of the machine. CPU is user and system time of the server's process per
request; a figure is the median over the rounds.
"""
import contextlib
import statistics

from report import figures, processors, servers
from report.script import Error


@contextlib.contextmanager
def running(commands):
    """{name: Server}, of functions from a port to a command."""
    with contextlib.ExitStack() as stack:
        found = {}
        for name, command in commands.items():
            port = servers.free_port()
            server = servers.Server(command(port), port, processors.available()[:1], {'GOMAXPROCS': '1'})
            found[name] = stack.enter_context(server)
        yield found


def visit(name, server, load):
    """One round's figures. load: from a port and processors to a load.Load."""
    user, cpu = server.user_seconds(), server.cpu_seconds()
    done = load(server.port, processors.available()[-1:])
    user, cpu = server.user_seconds() - user, server.cpu_seconds() - cpu
    if done.requests == 0:
        raise Error(f'{name} answers nothing')
    found = {'cpu_us': cpu * 1e6 / done.requests, 'user_us': user * 1e6 / done.requests, 'rps': done.rps,
             'errors': done.failed}
    if done.p999_us:  # of pipelined requests wrk knows too little to say
        found |= {'p50': done.p50_us, 'p99': done.p99_us, 'p999': done.p999_us}
    return found


def median_figures(visits):
    """Of those that every visit has."""
    common = set.intersection(*(set(v) for v in visits)) - {'errors'}
    return {f: statistics.median(v[f] for v in visits) for f in visits[0] if f in common}


def measure(scenario, live, load, rounds, to):
    """A record per server; its ratio is of CPU time to that of the server `to`, round by round."""
    visits = [{name: visit(name, server, load) for name, server in live.items()} for _ in range(rounds)]
    records = []
    for name in live:
        ours = [v[name] for v in visits]
        record = {'scenario': scenario, 'server': name, 'errors': sum(o['errors'] for o in ours)}
        record |= median_figures(ours)
        ratio = figures.ratios([o['cpu_us'] for o in ours], [v[to]['cpu_us'] for v in visits])
        records.append(record | {'ratio': ratio.median})
    return records


def cells(records, what, to):
    """A table. what: a request."""
    table = [['scenario', 'server', f'CPU µs/{what}', 'user', f'to {to}', f'{what}s/s', 'p50/p99/p99.9 µs',
              'errors']]
    for r in records:
        tail = '/'.join(f'{r[p]:.0f}' for p in ('p50', 'p99', 'p999')) if 'p999' in r else '-'
        table.append([r['scenario'], r['server'], f"{r['cpu_us']:.2f}", f"{r['user_us']:.2f}",
                      f"{r['ratio']:.2f}", f"{r['rps']:.0f}", tail, str(r['errors'])])
    return table
