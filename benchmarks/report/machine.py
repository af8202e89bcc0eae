"""What a benchmark ran on, and what else ran there meanwhile."""
import os
import pathlib
import platform
import re
import typing

from report import processors

TICKS = os.sysconf('SC_CLK_TCK')


def name():
    cpu = re.search(r'^model name\s*: (.*)$', pathlib.Path('/proc/cpuinfo').read_text(), re.M)
    count = len(processors.available())
    return (f"{cpu[1] if cpu else platform.machine()}, {count} processor{'s' if count > 1 else ''}, "
            f'Linux {platform.release()}')


class Business(typing.NamedTuple):
    """What others took of the processors since the start: programs that run here, or the hypervisor."""
    load: float
    steal: float
    uptime: float

    @classmethod
    def now(cls):
        total = pathlib.Path('/proc/stat').read_text().split('\n', 1)[0].split()
        uptime = float(pathlib.Path('/proc/uptime').read_text().split()[0])
        return cls(os.getloadavg()[0], int(total[8]) / TICKS, uptime)

    def until(self, end):
        """In words, from this moment to that."""
        passed = (end.uptime - self.uptime) * os.cpu_count()
        steal = 100 * (end.steal - self.steal) / passed if passed > 0 else 0
        return f'load average before the start {self.load:.1f}, steal time {steal:.1f} %'
