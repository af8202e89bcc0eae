"""Load on an HTTP server by ab (Debian: apache2-utils) and wrk, and what they found."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import typing

from report import processors
from report.script import Error

# wrk's own report rounds its figures. The request is made once, not by a call of Lua for each.
WRK_SCRIPT = """
local depth = tonumber(os.getenv("DEPTH"))
if depth > 1 then
  init = function() request_text = string.rep(wrk.format(nil, "/"), depth) end
  request = function() return request_text end
end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('{"requests": %d, "us": %d, "mean": %f, "p50": %f, "p99": %f, "p999": %f, ' ..
    '"failed": %d}\\n', summary.requests, summary.duration, latency.mean, latency:percentile(50),
    latency:percentile(99), latency:percentile(99.9),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


class Load(typing.NamedTuple):
    """One run; latencies in microseconds, None if the tool does not know them."""
    requests: int
    seconds: float
    failed: int
    mean_us: float
    p50_us: float
    p99_us: float
    p999_us: typing.Optional[float]

    @property
    def rps(self):
        return self.requests / self.seconds


def parse_ab(text, percentiles):
    """ab's report, and its CSV of percentiles (-e), which has the microseconds that the report rounds off."""
    def number(name):
        found = re.search(rf'^{name}: +([\d.]+)', text, re.M)
        return float(found[1]) if found else 0.0

    by_percent = dict(line.split(',') for line in percentiles.splitlines()[1:])
    mean = re.search(r'^Time per request: +([\d.]+) \[ms\] \(mean\)$', text, re.M)
    requests = int(number('Complete requests'))
    if not mean or not requests or not {'50', '99'} <= by_percent.keys():
        raise Error('ab: cannot read its report: ' + (text.strip().splitlines() or ['it is empty'])[-1])
    # An answer that is no 2xx is complete, and no failure in ab's eyes; it would be in a browser's.
    failed = number('Failed requests') + number('Non-2xx responses')
    return Load(requests, number('Time taken for tests'), int(failed), float(mean[1]) * 1e3,
                float(by_percent['50']) * 1e3, float(by_percent['99']) * 1e3, None)


def ab(url, requests, connections, keepalive, cpus, seconds_max=60):
    with tempfile.NamedTemporaryFile('r', prefix='weft-ab-') as percentiles:
        # -r: a connection that is reset counts as failed, and ends no run. -t sets -n too: it comes first.
        command = ['ab', '-q', '-r', *(['-k'] if keepalive else []), '-e', percentiles.name,
                   '-t', str(seconds_max), '-n', str(requests), '-c', str(connections), url]
        done = subprocess.run(command, text=True, capture_output=True, preexec_fn=processors.bind(cpus))
        if done.returncode:
            raise Error(f'ab ends with {done.returncode}: {last_line(done.stderr)}')
        return parse_ab(done.stdout, percentiles.read())


def parse_wrk(text):
    """What WRK_SCRIPT writes."""
    found = re.search(r'^\{"requests".*\}$', text, re.M)
    if not found:
        raise Error(f'wrk: {last_line(text)}')
    # Of pipelined requests, wrk may know no latency: it says 0, or no number.
    figures = json.loads(re.sub(r'-?\bnan\b|\binf\b', '0', found[0]))
    return Load(figures['requests'], figures['us'] / 1e6, figures['failed'], figures['mean'],
                figures['p50'], figures['p99'], figures['p999'])


def wrk(url, threads, connections, seconds, cpus, depth=1):
    """depth: requests in one write."""
    with tempfile.TemporaryDirectory(prefix='weft-wrk-') as where:
        script = pathlib.Path(where, 'report.lua')
        script.write_text(WRK_SCRIPT)
        command = ['wrk', f'-t{threads}', f'-c{connections}', f'-d{seconds}s', '-s', str(script), url]
        done = subprocess.run(command, text=True, capture_output=True, preexec_fn=processors.bind(cpus),
                              env={**os.environ, 'DEPTH': str(depth)})
        return parse_wrk(done.stdout if '{"requests"' in done.stdout else done.stderr + done.stdout)


def last_line(text):
    return (text.strip().splitlines() or ['no word why'])[-1]
