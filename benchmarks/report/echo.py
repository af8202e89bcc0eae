"""TCP echo servers, and the load on them: weft-load, which compares each byte that comes back."""
import json
import subprocess

from report import load, processors, rivals
from report.script import Error

RIVALS = ('uring', 'epoll', 'libuv', 'asio', 'go')
# Name, bytes, connections; each has one message under way.
SCENARIOS = [('64 B, 1 connection', 64, 1), ('64 B, 50', 64, 50), ('64 B, 1000', 64, 1000),
             ('1 KiB, 50', 1024, 50), ('16 KiB, 50', 16384, 50)]


def commands(builder, wanted):
    """{name: from a port to a command}."""
    def given_port(program):
        return lambda port: [program, port]

    makers = {'uring': lambda: rivals.c(builder, 'echo_uring', '-luring'),
              'epoll': lambda: rivals.c(builder, 'echo_epoll'),
              'libuv': lambda: rivals.c(builder, 'echo_uv', '-luv'),
              'asio': lambda: rivals.cxx(builder, 'echo_asio'), 'go': lambda: builder.go('go_echo')}
    made = {'weft': builder.weft('benchmarks/weft-echo')}
    made |= {rivals.RIVALS[key].name: makers[key]() for key in RIVALS if key in wanted}
    return {name: given_port(program) for name, program in made.items()}


def parse(text):
    """What weft-load writes."""
    try:
        found = json.loads(text)
        latency = found['latency_us']
        return load.Load(found['requests'], found['seconds'], found['failed'],
                         *(latency[figure] for figure in ('mean', 'p50', 'p99', 'p99.9')))
    except (ValueError, KeyError, TypeError):
        raise Error('weft-load: cannot read its report: ' + load.last_line(text)) from None


def loaded(generator, size, connections, seconds):
    """For serving.measure()."""
    def run(port, cpus):
        # Its warm-up would be in the server's CPU time, and not in the messages.
        command = [generator, '--format', 'json', '--bytes', str(size), '--connections', str(connections),
                   '--duration', str(seconds), '--warm-up', '0', f'echo://127.0.0.1:{port}']
        done = subprocess.run(command, text=True, capture_output=True, preexec_fn=processors.bind(cpus))
        if done.returncode:
            raise Error(f'weft-load ends with {done.returncode}: {load.last_line(done.stderr)}')
        return parse(done.stdout)

    return run
