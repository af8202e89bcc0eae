"""A server under test: started on some processors, asked what it costs, killed at the end.

CPU time is read from the kernel's clock of the process (clock_getcpuclockid(3)), which is exact to the
nanosecond, where /proc/PID/stat counts ticks of 10 ms: the whole of a short run.
"""
import ctypes
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

from report import processors
from report.script import Error

TICKS = os.sysconf('SC_CLK_TCK')
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
PATIENCE = 10  # seconds to begin to listen: a guess, more than any takes


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return listener.getsockname()[1]


class Server:
    """Listens on 127.0.0.1:port from its construction to its close()."""

    def __init__(self, command, port, cpus, environment=()):
        def begin():
            processors.bind(cpus)()
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # no server outlives the script, however that ends

        self.port = port
        self._said = tempfile.TemporaryFile('w+')
        # In a session of its own: Ctrl-C is the script's, which writes what it has and ends its servers.
        self._process = subprocess.Popen(list(map(str, command)), stdout=self._said, stderr=subprocess.STDOUT,
                                         env={**os.environ, **dict(environment)}, start_new_session=True,
                                         preexec_fn=begin)
        try:
            self._wait_until_it_listens(pathlib.Path(command[0]).name)
        except BaseException:
            self.close()
            raise

    def _wait_until_it_listens(self, name):
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if self._process.poll() is not None:
                said = self.said().splitlines() or ['without a word']
                raise Error(f'{name} has ended with {self._process.returncode}: {said[-1]}')
            try:
                socket.create_connection(('127.0.0.1', self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.01)
        raise Error(f'{name} does not listen on port {self.port} after {PATIENCE} s')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def said(self):
        """What it has written so far."""
        self._said.seek(0)
        return self._said.read().strip()

    def cpu_seconds(self):
        """Of all its threads, user and system time."""
        return time.clock_gettime(~self._process.pid << 3 | 2)  # as the C library makes it; 2: CPUCLOCK_SCHED

    def user_seconds(self):
        """In ticks: for runs of many seconds."""
        return int(self._proc('stat').rsplit(')', 1)[1].split()[11]) / TICKS

    def peak_bytes(self):
        """Of resident memory, so far."""
        return int(re.search(r'VmHWM:\s+(\d+) kB', self._proc('status'))[1]) * 1024

    def _proc(self, file):
        return pathlib.Path(f'/proc/{self._process.pid}/{file}').read_text()

    def close(self):
        self._process.kill()
        self._process.wait()
        self._said.close()
