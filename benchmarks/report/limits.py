"""The system's limits that spoil a benchmark of many connections, and the commands that raise them.

Nothing is changed here: the machine is its owner's.
"""
import pathlib
import resource
import typing

from report import script

SPARE_FILES = 100  # besides connections: a guess
# ab without -k connects about 20,000 times per second on one processor; with tcp_tw_reuse, a port that was
# closed is free again after a second.
PORTS = 20000


class Limits(typing.NamedTuple):
    open_files: int
    open_files_hard: int
    backlog: int
    ports: typing.Tuple[int, int]
    reuses_ports: bool


def current():
    def sysctl(name):
        return list(map(int, pathlib.Path('/proc/sys/net', name).read_text().split()))

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = 1 << 62
    return Limits(*(unlimited if n == resource.RLIM_INFINITY else n for n in (soft, hard)),
                  sysctl('core/somaxconn')[0], tuple(sysctl('ipv4/ip_local_port_range')),
                  sysctl('ipv4/tcp_tw_reuse')[0] > 0)  # 2: on the loopback


def too_low(limits, connections):
    """(lines about what stops the benchmark, lines about what distorts it)."""
    stops, distorts = [], []
    files = connections + SPARE_FILES
    if limits.open_files < files:
        how = f'ulimit -n {files}'
        if limits.open_files_hard < files:
            how += f', as root: only root goes beyond the hard limit of {limits.open_files_hard}'
        stops.append(f'{limits.open_files} open files are too few for {connections} connections: {how}')
    if limits.backlog < connections:
        distorts.append(f'{connections} connections at once may overflow a backlog of {limits.backlog}: '
                        'sysctl -w net.core.somaxconn=4096')
    ports = limits.ports[1] - limits.ports[0] + 1
    if ports < PORTS:
        distorts.append(f'{ports} local ports are too few for a connection per request: '
                        'sysctl -w net.ipv4.ip_local_port_range="15000 65000"')
    if not limits.reuses_ports:
        distorts.append('without keep-alive, closed connections use up the local ports for a minute: '
                        'sysctl -w net.ipv4.tcp_tw_reuse=2')
    return stops, distorts


def check(connections):
    """Goes no further if the benchmark cannot; says, and gives for the report, what distorts it."""
    stops, distorts = too_low(current(), connections)
    if stops:
        raise script.Error('; '.join(stops))
    for line in distorts:
        script.say(f'{script.NAME}: {line}')
    return distorts
