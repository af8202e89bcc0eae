"""benchmarks/compare, with stand-ins for the programs that it builds and for the tools that it calls.

Usage: compare_test.py SCRIPT
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

SCRIPT = sys.argv.pop()

SERVER = '''#!{python} -S
import socket, sys
listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))
while True:
    listener.accept()[0].close()
'''
# Waits for the server to do something.
LOAD = '''#!{python} -S
import socket, sys
socket.create_connection(('127.0.0.1', int(sys.argv[-1].rsplit(':', 1)[1]))).recv(1)
print('{{"requests": 1000, "seconds": 0.5, "failed": 0, '
      '"latency_us": {{"mean": 50, "p50": 40, "p99": 90, "p99.9": 99}}}}')
'''
# Go takes twice as long, and has no files.
BENCH = '''#!{python} -S
import pathlib, re, sys
rival = pathlib.Path(sys.argv[0]).name != 'weft-bench'
costs = {{'fiber/idle_bytes': 4000, 'calibrate': 2, 'yield/2': 10}}
if not rival:
    costs['file/read'] = 500
if '--list' in sys.argv:
    print(' '.join(costs))
    sys.exit()
wanted = sys.argv[sys.argv.index('--filter') + 1]
for row, cost in costs.items():
    if re.search(wanted, row):
        figure = 'bytes' if 'bytes' in row else 'cpu_ns_per_op'
        print('{{"name":"%s","%s":%d}}' % (row, figure, cost * (1 + rival)))
'''
# A compiler: what is asked for is there already; it does not find the header MISSING.
COMPILER = '''#!/bin/sh
for last; do :; done
if [ "$1" = -E ] && [ -n "$MISSING" ]; then ! grep -q "$MISSING" "$last"; fi
'''
NOTHING = '#!/bin/sh\n'


class Compare(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.where = pathlib.Path(directory.name)
        (self.where / 'build.ninja').write_text('')
        (self.where / 'meson-info').mkdir()
        options = [{'name': 'optimization', 'value': '3'}, {'name': 'b_sanitize', 'value': 'none'}]
        (self.where / 'meson-info' / 'intro-buildoptions.json').write_text(json.dumps(options))
        programs = {'benchmarks/weft-bench': BENCH, 'rivals/go': BENCH, 'tools/weft-load': LOAD,
                    'bin/meson': NOTHING, 'bin/ninja': NOTHING, 'bin/go': NOTHING, 'bin/cc': COMPILER,
                    'bin/c++': COMPILER}
        servers = ('benchmarks/weft-echo', 'rivals/go_echo', 'rivals/echo_asio', 'rivals/echo_uv')
        for program, text in (programs | dict.fromkeys(servers, SERVER)).items():
            path = self.where / program
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.format(python=sys.executable) if '-S' in text else text)
            path.chmod(0o755)

    def compare(self, *flags, **environment):
        bound = {'PATH': f'{self.where}/bin:/usr/bin:/bin'} | environment
        command = [sys.executable, '-B', SCRIPT, '--no-install', '--rounds', '2', '--seconds', '1', '--build',
                   str(self.where), '--results', str(self.where / 'results'), *flags]
        return subprocess.run(command, env=bound, text=True, capture_output=True, timeout=100)

    def report(self, *flags, **environment):
        done = self.compare(*flags, '--format', 'json', **environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), done

    def test_rows_are_told_by_topic_with_the_ratio_to_weft(self):
        found, _ = self.report('--only', 'micro,memory,files', '--rivals', 'go')
        rows = {title: [(r['row'], r['program'], r['median'], r.get('ratio')) for r in records]
                for title, records in found['sections'].items()}
        self.assertEqual(rows, {'Micro rows': [('yield/2', 'weft', 10, None), ('yield/2', 'Go', 20, 2)],
                                'Memory': [('fiber/idle_bytes', 'weft', 4000, None),
                                           ('fiber/idle_bytes', 'Go', 8000, 2)],
                                'Files': [('file/read', 'weft', 500, None)]})

    def test_only_the_topics_and_rivals_that_are_asked_for_run(self):
        found, _ = self.report('--only', 'memory', '--rivals', 'go')
        self.assertEqual(list(found['sections']), ['Memory'])
        found, _ = self.report('--only', 'echo', '--rivals', 'asio,go', '--filter', '^64 B, 50$')
        (section,) = found['sections'].values()
        self.assertEqual([r['server'] for r in section], ['weft', 'Boost.Asio', 'Go'])
        self.assertEqual({(r['scenario'], r['rps'], r['p99'], r['errors']) for r in section},
                         {('64 B, 50', 2000, 90, 0)})

    def test_the_report_says_how_each_rival_is_tuned(self):
        found, _ = self.report('--only', 'memory,echo', '--rivals', 'go,libuv', '--filter', 'idle|64 B, 50$')
        told = '\n'.join(found['about'])
        for part in ('weft: release build', 'Go: GOMAXPROCS=1', 'libuv: C, -O2'):
            self.assertIn(part, told)
        self.assertNotIn('Asio', told)
        written = {path.name: path.read_text() for path in (self.where / 'results').iterdir()}
        self.assertEqual(json.loads(written['compare.json']), found)
        self.assertIn('- Go: GOMAXPROCS=1', written['compare.md'])
        pictures = [name for name in written if name.endswith('.svg')]
        self.assertEqual(len(pictures), 3)
        for name in pictures:
            xml.etree.ElementTree.fromstring(written[name])
            self.assertIn(f']({name})', written['compare.md'])

    def test_a_rival_that_is_missing_is_left_out_with_one_line(self):
        found, done = self.report('--only', 'echo', '--rivals', 'libuv,go', '--filter', '^64 B, 50$',
                                  MISSING='uv.h')
        line = 'libuv is left out: apt-get install libuv1-dev'
        self.assertIn(line, found['about'])
        self.assertEqual(done.stderr.splitlines().count(line), 1)
        self.assertEqual([r['server'] for r in found['sections']['TCP echo']], ['weft', 'Go'])

    def test_what_makes_no_sense_is_one_line(self):
        for flags, status, line in ((['--only', 'echo,tea'], 2, "'tea' is none of echo, http, micro"),
                                    (['--rivals', 'nobody'], 2, "'nobody' is none of uring, epoll"),
                                    (['--only', 'memory', '--filter', 'tea'], 1, "nothing matches 'tea'")):
            done = self.compare(*flags)
            self.assertEqual((done.returncode, done.stdout), (status, ''), done.stderr)
            self.assertRegex(done.stderr, r'\A((building|.* left out: .*)\n)*benchmarks/compare: .*\n\Z')
            self.assertIn(line, done.stderr)


if __name__ == '__main__':
    unittest.main()
