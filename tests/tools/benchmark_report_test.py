"""benchmarks/report/ reads what tools say, and draws what they found.

Usage: benchmark_report_test.py BENCHMARKS
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.dont_write_bytecode = True
BENCHMARKS = sys.argv.pop(1)
sys.path.insert(0, BENCHMARKS)
from report import (building, charts, figures, limits, load, processors, script, servers,  # noqa: E402
                    serving, tables)

# Both as the tools of Debian 12 have written it.
AB = '''This is ApacheBench, Version 2.3 <$Revision$>
Benchmarking 127.0.0.1 (be patient).....done

Concurrency Level:      10
Time taken for tests:   2.893 seconds
Complete requests:      200
Failed requests:        0
Keep-Alive requests:    200
Requests per second:    69.14 [#/sec] (mean)
Time per request:       144.627 [ms] (mean)
Time per request:       14.463 [ms] (mean, across all concurrent requests)

Percentage of the requests served within a certain time (ms)
  50%      8
  99%    880
'''
AB_PERCENTILES = 'Percentage served,Time in ms\n0,0.034\n50,8.006\n98,879.594\n99,879.679\n100,1676.103\n'
WRK = '''Running 1s test @ http://127.0.0.1:18999/
  1 threads and 10 connections
  11543 requests in 1.02s, 1.27MB read
Requests/sec:  11311.11
{"requests": 11543, "us": 1020501, "mean": 2620.6, "p50": 371.0, "p99": 23688.0, "p999": 28075.0, "failed": 3}
'''
LISTENS = '''import socket, sys
print('it listens', flush=True)
listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))
while True:
    listener.accept()[0].close()
'''


class Tools(unittest.TestCase):
    def test_ab_is_read_with_the_microseconds_of_its_percentiles(self):
        found = load.parse_ab(AB, AB_PERCENTILES)
        self.assertEqual(found, load.Load(200, 2.893, 0, 144627, 8006, 879679, None))
        self.assertAlmostEqual(found.rps, 69.13, 2)

    def test_an_answer_that_is_no_2xx_has_failed(self):
        text = AB.replace('Failed requests:        0', 'Failed requests:        3\nNon-2xx responses:      5')
        self.assertEqual(load.parse_ab(text, AB_PERCENTILES).failed, 8)

    def test_wrk_is_read(self):
        self.assertEqual(load.parse_wrk(WRK), load.Load(11543, 1.020501, 3, 2620.6, 371, 23688, 28075))

    def test_wrk_may_know_no_latency(self):
        text = WRK.replace('2620.6', '-nan').replace('371.0', 'nan')
        self.assertEqual(load.parse_wrk(text)[3:5], (0, 0))

    def test_what_cannot_be_read_is_quoted(self):
        for parse, words in ((load.parse_wrk, ['unable to connect\n']), (load.parse_ab, ['no report\n', '']),
                             (load.parse_ab, ['', ''])):
            with self.assertRaisesRegex(script.Error, 'unable to connect$|no report$|empty$'):
                parse(*words)


class Servers(unittest.TestCase):
    def test_a_server_lives_until_it_is_closed_and_tells_what_it_costs(self):
        port = servers.free_port()
        with servers.Server([sys.executable, '-c', LISTENS, port], port, processors.available()) as server:
            self.assertEqual(server.said(), 'it listens')
            self.assertGreater(server.cpu_seconds(), 0.001)  # a tick is 0.01
            self.assertGreaterEqual(server.cpu_seconds(), server.user_seconds() - 0.01)
            self.assertGreater(server.peak_bytes(), 1 << 20)
        self.assertIsNotNone(server._process.returncode)

    def test_one_that_does_not_start_says_why(self):
        with self.assertRaisesRegex(script.Error, 'has ended with 3: no such thing'):
            fails = [sys.executable, '-c', 'print("no such thing"); exit(3)']
            servers.Server(fails, 1, processors.available())

    def test_it_is_bound_to_its_processors(self):
        cpu = processors.available()[-1]
        told = [sys.executable, '-c', 'import os; print(os.sched_getaffinity(0))']
        said = subprocess.run(told, preexec_fn=processors.bind({cpu}), text=True, capture_output=True).stdout
        self.assertEqual(said, f'{{{cpu}}}\n')


class Scripts(unittest.TestCase):
    def test_wrong_arguments_are_one_line(self):
        for name in ('compare', 'compare_go', 'http', 'transfers'):
            command = [sys.executable, '-B', pathlib.Path(BENCHMARKS, name), '--rounds', 'none']
            done = subprocess.run(command, text=True, capture_output=True)
            self.assertEqual((done.returncode, done.stdout), (2, ''))
            self.assertRegex(done.stderr, rf"\Abenchmarks/{name}: argument --rounds: 'none' is no .*\n\Z")


class Building(unittest.TestCase):
    def test_a_build_that_fails_is_one_line_with_its_log(self):
        with tempfile.TemporaryDirectory() as where:
            builder = building.Builder(pathlib.Path(where))
            fails = 'import sys; sys.exit("one\\nmain.c:3: error: it is wrong\\ntwo")'
            line = r'^cannot build rival-x: main.c:3: error: .* \(all of it: '
            with self.assertRaisesRegex(script.Error, line):
                builder.compiled('x', sys.executable, '-c', fails)


class Figures(unittest.TestCase):
    def test_a_ratio_is_that_of_each_round(self):
        # The medians' own ratio is 2: the rounds say otherwise.
        self.assertEqual(figures.ratios([1, 10, 30], [1, 5, 10]), (2, 1, 3))
        self.assertEqual(figures.ratios([4, 20, 30], [1, 10, 20]), (2, 1.5, 4))
        with self.assertRaises(ValueError):
            figures.ratios([1], [1, 2])

    def test_a_figure_is_told_if_every_visit_has_it(self):
        visits = [{'cpu_us': 1, 'errors': 0, 'p50': 5}, {'cpu_us': 3, 'errors': 0}]
        self.assertEqual(serving.median_figures(visits), {'cpu_us': 2})

    def test_tables(self):
        table = [['row', 'µs'], ['a', '10'], ['long', '3']]
        self.assertEqual(tables.text(table), 'row   µs\na     10\nlong   3\n')
        self.assertEqual(tables.markdown(table),
                         '| row  | µs |\n|------|---:|\n| a    | 10 |\n| long |  3 |\n')


class Limits(unittest.TestCase):
    ENOUGH = limits.Limits(20000, 20000, 4096, (32768, 60999), True)

    def test_enough_is_enough(self):
        self.assertEqual(limits.too_low(self.ENOUGH, 1000), ([], []))

    def test_each_that_is_too_low_is_named_with_its_remedy(self):
        for change, stops, line in (
                ({'open_files': 1024}, True, r'1024 open files .*: ulimit -n 1100$'),
                ({'open_files': 99, 'open_files_hard': 99}, True, 'as root.* hard limit of 99'),
                ({'backlog': 128}, False, r'sysctl -w net\.core\.somaxconn=4096'),
                ({'ports': (40000, 50000)}, False, '10001 .*ip_local_port_range='),
                ({'reuses_ports': False}, False, 'tcp_tw_reuse=2')):
            found = limits.too_low(self.ENOUGH._replace(**change), 1000)
            self.assertEqual(tuple(map(len, found)), (1, 0) if stops else (0, 1))
            self.assertRegex(found[0 if stops else 1][0], line)

    def test_those_of_this_machine_can_be_read(self):
        self.assertGreater(limits.current().ports[1], limits.current().ports[0])


class Charts(unittest.TestCase):
    def elements(self, svg, name):
        return xml.etree.ElementTree.fromstring(svg).iter('{http://www.w3.org/2000/svg}' + name)

    def test_a_bar_is_as_long_as_its_value(self):
        svg = charts.bar_chart('A & B', 'requests/s', ['<one>', 'two'], {'x': [100, 50], 'y': [None, 25]})
        bars = [r for r in self.elements(svg, 'rect') if r.get('height') == str(charts.BAR)]
        self.assertEqual([b.get('class') for b in bars], ['s0', 's0', 's1'])
        long, half, quarter = (float(b.get('width')) for b in bars)
        self.assertAlmostEqual(long / half, 2, 2)
        self.assertAlmostEqual(long / quarter, 4, 2)
        words = [t.text for t in self.elements(svg, 'text')]
        for word in ('A & B', '<one>', 'requests/s', 'x', '100', '50'):
            self.assertIn(word, words)

    def test_a_line_over_powers_of_ten_is_drawn_by_its_logarithm(self):
        svg = charts.line_chart('t', 'fibers', 'ns', {'x': [(10, 1), (100, 10), (1000, 100)]}, True, True)
        (line,) = self.elements(svg, 'polyline')
        points = [tuple(map(float, p.split(','))) for p in line.get('points').split()]
        for a in (0, 1):
            self.assertAlmostEqual(points[1][a] - points[0][a], points[2][a] - points[1][a], 0)
        self.assertLess(points[2][1], points[0][1])  # up is less in SVG
        self.assertIn('1,000', [t.text for t in self.elements(svg, 'text')])

    def test_any_values_have_an_axis(self):
        for values in ([], [0], [0.003], [7], [1e9], [1, 1e6]):
            ticks = charts.axis('', values, 0, 100).ticks
            self.assertLessEqual(max(values, default=0), ticks[-1])
            self.assertIn(len(ticks), range(2, 8))
        self.assertEqual(charts.axis('', [5, 5], 0, 100, True).ticks, [1, 10])

    def test_it_is_drawn_for_dark_pages_too(self):
        self.assertIn('prefers-color-scheme:dark', charts.bar_chart('t', 'u', ['g'], {'x': [1]}))


if __name__ == '__main__':
    unittest.main()
