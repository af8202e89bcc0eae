"""benchmarks/compare_go, with stand-ins for the programs that it builds and for the tools that it calls.

Usage: compare_go_test.py SCRIPT
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

SCRIPT = sys.argv.pop()

# Answers as both do, and leaves its name and its process id in STATE/PORT.
SERVER = '''#!{python} -S
import os, pathlib, socket, sys
name = pathlib.Path(sys.argv[0]).name
port = sys.argv[sys.argv.index('--port') + 1] if '--port' in sys.argv else sys.argv[1]
pathlib.Path(os.environ['STATE'], port).write_text(f'{{name}} {{os.getpid()}}')
if name == 'weft-httpd':
    print('weft-httpd: listening on http://127.0.0.1 (1 worker, a stand-in)', flush=True)
listener = socket.create_server(('127.0.0.1', int(port)))
body = os.environ.get('BODY_OF_' + name.replace('-', '_'), 'Hello, World!').encode()
while True:
    with listener.accept()[0] as connection:
        connection.recv(1000)
        connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body) + body)
'''
# Go takes twice as long, and one request of weft's fails; each call is a line in STATE/calls.
AB = '''#!{python} -S
import os, pathlib, signal, socket, sys
state = pathlib.Path(os.environ['STATE'])
with open(state / 'calls', 'a+') as calls:
    calls.write(' '.join(sys.argv[1:]) + '\\n')
    calls.seek(0)
    number = len(calls.readlines())
if number == int(os.environ.get('INTERRUPT_AT', 0)):
    os.kill(os.getppid(), signal.SIGINT)
    signal.pause()
with socket.create_connection(('127.0.0.1', int(sys.argv[-1].split(':')[2].rstrip('/')))) as connection:
    connection.sendall(b'GET')
    connection.recv(1000)  # so that the server has used some of a processor
weft = (state / sys.argv[-1].split(':')[2].rstrip('/')).read_text().startswith('weft')
percentiles = pathlib.Path(sys.argv[sys.argv.index('-e') + 1])
percentiles.write_text('Percentage served,Time in ms\\n50,0.5\\n99,2.5\\n')
print(f"""Time taken for tests:   {{0.5 if weft else 1}} seconds
Complete requests:      1000
Failed requests:        {{1 if weft else 0}}
Time per request:       0.750 [ms] (mean)""")
'''
WRK = '''#!{python} -S
import socket, sys
with socket.create_connection(('127.0.0.1', int(sys.argv[-1].split(':')[2].rstrip('/')))) as connection:
    connection.sendall(b'GET')
    connection.recv(1000)  # so that the server has used some of a processor
print('{{"requests": 100, "us": 1000000, "mean": 700.0, "p50": 600.0, "p99": 900.0, "p999": 1000.0, '
      '"failed": 0}}')
'''
GO = '#!/bin/sh\necho go version go1.0 linux/none\n'


class CompareGo(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.where = pathlib.Path(directory.name)
        (self.where / 'state').mkdir()
        (self.where / 'build.ninja').write_text('')
        self.built_with('3')
        for program, text in (('tools/weft-httpd', SERVER), ('rivals/go_http', SERVER), ('bin/ab', AB),
                              ('bin/wrk', WRK), ('bin/go', GO), ('bin/meson', GO), ('bin/ninja', GO),
                              ('bin/c++', GO)):
            path = self.where / program
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.format(python=sys.executable))
            path.chmod(0o755)

    def built_with(self, optimization):
        options = [{'name': 'optimization', 'value': optimization}, {'name': 'b_sanitize', 'value': 'none'}]
        (self.where / 'meson-info').mkdir(exist_ok=True)
        (self.where / 'meson-info' / 'intro-buildoptions.json').write_text(json.dumps(options))

    def run_script(self, *flags, cpus=None, **environment):
        bound = {'PATH': str(self.where / 'bin'), 'STATE': str(self.where / 'state')} | environment
        command = [sys.executable, '-B', SCRIPT, '--build', str(self.where), *flags,
                   '--results', str(self.where / 'results')]
        return subprocess.run(command, env=bound, text=True, capture_output=True, timeout=250,
                              preexec_fn=lambda: os.sched_setaffinity(0, cpus or os.sched_getaffinity(0)))

    def fails(self, line, *flags, status=1, **environment):
        done = self.run_script(*flags, **environment)
        self.assertEqual((done.returncode, done.stdout), (status, ''))
        self.assertRegex(done.stderr, r'\A(building\n)?benchmarks/compare_go: .*\n\Z')
        self.assertRegex(done.stderr, line)

    def test_missing_tools_are_named_with_their_packages(self):
        self.fails('ab, wrk, go, meson, ninja, c.. are missing: '
                   r'apt-get install apache2-utils wrk golang-go meson ninja-build g\+\+', PATH='')
        (self.where / 'bin' / 'wrk').unlink()
        self.fails('wrk is missing: apt-get install wrk')

    def test_wrong_arguments_are_one_line(self):
        self.fails('unrecognized arguments: --nothing', '--nothing', status=2)
        self.fails('no load matches', '--filter', 'nothing', status=2)
        self.fails("'0' is no number from 1 on", '--rounds', '0', status=2)
        self.fails(r"'\(' is no regular expression: ", '--filter', '(', status=2)

    def test_a_build_without_optimization_is_not_measured(self):
        self.built_with('0')
        self.fails('is built with -O0, sanitizers: none; choose another directory with --build')

    def test_servers_that_answer_differently_are_not_compared(self):
        self.fails('the servers answer differently', '--filter', '1000/10$', BODY_OF_go_http='Hello!')

    def test_the_rows_are_one_array_of_json(self):
        done = self.run_script('--rounds', '2', '--filter', 'b 10000/100$|c100$', '--format', 'json')
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = json.loads(done.stdout)
        all_cores = [1, 'all'] if len(os.sched_getaffinity(0)) > 1 else [1]
        self.assertEqual([(r['tool'], r['scenario'], r['keepalive'], r['cores']) for r in rows],
                         [(*load, cores) for cores in all_cores
                          for load in (('ab', '10000/100', False), ('wrk', '-t1 -c100', True))])
        for row in rows:
            self.assertEqual(row['rounds'], 2)
            self.assertGreaterEqual(row['weft_cpu_us'], 0)
            self.assertGreater(row['go_peak_bytes'], 0)
            if row['tool'] == 'ab':
                self.assertEqual((row['weft_rps'], row['go_rps'], row['ratio_rps']), (2000, 1000, 2))
                self.assertEqual((row['weft_mean_us'], row['go_p50_us'], row['go_p99_us']), (750, 500, 2500))
                self.assertEqual((row['failed'], row['go_failed']), (8, 0))  # 4 runs in each round
        written = {path.name: path.read_text() for path in (self.where / 'results').iterdir()}
        self.assertEqual(written['compare_go.json'], done.stdout)
        self.assertIn('2.00 [2.00..2.00]', written['compare_go.txt'])
        self.assertIn('| ab 10000/100  |', written['compare_go.md'])
        for name, text in written.items():
            if name.endswith('.svg'):
                xml.etree.ElementTree.fromstring(text)
                self.assertIn(f']({name})', written['compare_go.md'])
        self.assertIn('compare_go_rps_1.svg', written)

    def test_which_server_is_first_alternates(self):
        self.run_script('--quick', '--rounds', '2', '--filter', 'c100$', cpus={min(os.sched_getaffinity(0))})
        # Before each run of wrk, ab has warmed the server up.
        calls = (self.where / 'state' / 'calls').read_text().splitlines()
        ports = [call.rsplit(':', 1)[1].rstrip('/') for call in calls]
        names = [(self.where / 'state' / port).read_text().split()[0] for port in ports]
        self.assertEqual(names, ['weft-httpd', 'go_http', 'go_http', 'weft-httpd'])

    def test_ctrl_c_keeps_what_was_measured_and_ends_the_servers(self):
        # Five calls with each server are a round; the next is interrupted with the second server.
        done = self.run_script('--filter', '-k 10000/100$', '--format', 'json', INTERRUPT_AT='17',
                               cpus={min(os.sched_getaffinity(0))})
        self.assertEqual(done.returncode, 130, done.stderr)
        self.assertNotIn('Traceback', done.stderr)
        (row,) = json.loads(done.stdout)
        self.assertEqual((row['rounds'], row['ratio_rps'], row['keepalive']), (1, 2, True))
        self.assertIn('-k -e', (self.where / 'state' / 'calls').read_text())
        self.assertIn('stopped before the end', (self.where / 'results' / 'compare_go.txt').read_text())
        for server in (self.where / 'state').glob('[0-9]*'):
            with self.assertRaises(ProcessLookupError):
                os.kill(int(server.read_text().split()[1]), 0)

    def test_one_processor_is_said_and_shared(self):
        done = self.run_script('--quick', '--rounds', '1', '--filter', 'c100$', '--format', 'json',
                               cpus={min(os.sched_getaffinity(0))})
        self.assertEqual([row['cores'] for row in json.loads(done.stdout)], [1])
        self.assertIn('one processor only: server and load share it', done.stderr)


if __name__ == '__main__':
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what is run in the background ignores it
    unittest.main()
