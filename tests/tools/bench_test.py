"""Programs of rows as their users call them, with figures that are given. Usage: bench_test.py BENCH_ROWS"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

BENCH = sys.argv.pop(1)
GOOD = '^(idle|steady|other|calibrate|copied|ramp)$'


class Bench(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.results = pathlib.Path(directory.name, 'results')

    def bench(self, *arguments, **figures):
        return subprocess.run([BENCH, '--results', self.results, *arguments], text=True, capture_output=True,
                              env={name: str(value) for name, value in figures.items()})

    def rows(self, *arguments, **figures):
        done = self.bench('--format', 'json', *arguments, **figures)
        return {row['name']: row for row in map(json.loads, done.stdout.splitlines())}, done

    def save(self, **figures):
        done = self.bench('--filter', GOOD, '--save', 'before', **figures)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.results / 'before.json'

    def complaint(self, *arguments):
        """The one line that the program ends with."""
        done = self.bench(*arguments)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.stderr

    def test_memory_comes_first(self):
        done = self.bench('--list')
        self.assertEqual(done.stdout.split()[0], 'idle')

    def test_text_has_a_line_per_row(self):
        done = self.bench('--filter', GOOD, STEADY=12.5, IDLE=4353)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 6)
        self.assertRegex(lines[0], r'^idle +4353\.0 bytes$')
        line = 'steady 12.50 ns CPU 12.50 ns wall 80000000 /s best 12.50 ns CPU'
        self.assertEqual(' '.join(lines[1].split()), line)

    def test_markdown_is_one_table(self):
        done = self.bench('--filter', GOOD, '--format', 'markdown', STEADY=12.5)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 8)
        self.assertEqual({line.count('|') for line in lines}, {lines[0].count('|')}, done.stdout)
        self.assertIn('| steady | 12.50 ns |', done.stdout)
        self.save()
        done = self.bench('--filter', GOOD, '--format', 'markdown', '--compare', 'before', STEADY=50)
        lines = done.stdout.splitlines()
        self.assertEqual({line.count('|') for line in lines}, {lines[0].count('|')}, done.stdout)
        self.assertIn('-50.0 % faster |', done.stdout)

    def test_percentiles_are_of_all_repetitions(self):
        row = self.rows('--filter', 'ramp', RAMP=10)[0]['ramp']
        found = [row[p] for p in ('p50_ns', 'p90_ns', 'p99_ns', 'p999_ns', 'max_ns')]
        self.assertEqual(found, [500, 900, 990, 1000, 1000])

    def test_a_saved_result_names_machine_version_and_date(self):
        saved = json.loads(self.save(STEADY=12.5).read_text())
        self.assertEqual((saved['program'], saved['version']), ('bench-rows', '1.2.3'))
        kernel = pathlib.Path('/proc/sys/kernel/osrelease').read_text().strip()
        self.assertEqual(saved['kernel'], kernel)
        self.assertTrue(saved['cpu'])
        self.assertTrue(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', saved['date']), saved['date'])
        rows = {row['name']: row for row in saved['rows']}
        self.assertEqual(len(rows), 6)
        self.assertEqual(rows['steady']['cpu_ns_per_op'], 12.5)

    def test_within_the_noise_is_no_change(self):
        self.save()
        again = ('--filter', GOOD, '--compare', 'before', '--fail-on-regression')
        rows, done = self.rows(*again, STEADY=104, OTHER=96)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({row['change'] for row in rows.values()}, {'same'})
        self.assertIn('0 worse, 0 better, 6 within 5 %, 0 new', done.stderr)

    def test_beyond_the_noise_is_a_change(self):
        self.save()
        again = ('--filter', GOOD, '--compare', 'before')
        rows, done = self.rows(*again, STEADY=106, OTHER=94, IDLE=200, RAMP=50)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = {name: row['change'] for name, row in rows.items()}
        self.assertEqual(found, {'idle': 'worse', 'steady': 'worse', 'other': 'better', 'calibrate': 'same',
                                 'copied': 'same', 'ramp': 'better'})
        self.assertEqual((rows['steady']['before'], rows['steady']['change_percent']), (100, 6))
        self.assertIn('2 worse, 2 better, 2 within 5 %, 0 new', done.stderr)

    def test_a_regression_fails_when_asked(self):
        self.save()
        again = ('--filter', 'steady', '--compare', 'before', '--fail-on-regression')
        self.assertEqual(self.bench(*again, STEADY=106).returncode, 1)
        self.assertEqual(self.bench(*again, STEADY=94).returncode, 0)
        self.assertEqual(self.bench(*again, '--noise', '10', STEADY=106).returncode, 0)
        self.assertEqual(self.bench(*again, '--noise=1', STEADY=102).returncode, 1)

    def test_a_slower_machine_is_no_regression(self):
        self.save()
        again = ('--filter', 'calibrate', '--compare', 'before', '--fail-on-regression')
        done = self.bench(*again, CALIBRATE=150)
        self.assertEqual(done.returncode, 0)
        self.assertIn('+50.0 %', done.stdout)

    def test_a_row_that_was_not_there_is_new(self):
        self.bench('--filter', 'steady', '--save', 'before')
        rows, done = self.rows('--filter', 'other', '--compare', 'before', '--fail-on-regression')
        self.assertEqual((done.returncode, rows['other']['change']), (0, 'new'))

    def test_another_machine_is_told(self):
        saved = self.save()
        saved.write_text(re.sub('"cpu":"[^"]*"', r'"cpu":"A \\"fast\\" one"', saved.read_text()))
        done = self.bench('--filter', 'steady', '--compare', 'before')
        self.assertIn('another machine: A "fast" one, Linux ', done.stderr)

    def test_a_missing_result_is_one_line(self):
        self.assertIn('nobody.json: no such result', self.complaint('--compare', 'nobody'))

    def test_a_damaged_result_is_one_line(self):
        saved = self.save()
        whole = saved.read_text()
        # Cut off anywhere; but the last character, the end of the last line, may be missing.
        for length in [*range(0, len(whole) - 1, 41), len(whole) - 2]:
            saved.write_text(whole[:length])
            self.assertIn('before.json:', self.complaint('--compare', 'before', '--filter', 'steady'), length)
        for wrong in ('"cpu_ns_per_op":1..2', '"cpu_ns_per_op":', '"cpu_ns_per_op":"100"'):
            saved.write_text(re.sub('"cpu_ns_per_op":100', wrong, whole))
            self.assertIn(':3: damaged', self.complaint('--compare', 'before', '--filter', 'steady'))
        saved.write_bytes(bytes(range(256)))
        self.assertIn(':1: damaged', self.complaint('--compare', 'before', '--filter', 'steady'))

    def test_a_folder_that_cannot_be_made_is_one_line(self):
        self.results.write_text('a file')
        self.assertIn('cannot be written', self.complaint('--save', 'x', '--filter', 'steady'))

    def test_a_row_that_fails_is_one_line(self):
        self.assertIn('broken: did not do', self.complaint('--filter', 'broken'))

    def test_what_makes_no_sense_is_one_line(self):
        for arguments in ('--noise much', '--noise -1', '--noise=', '--save ../x', '--fail-on-regression',
                          '--format xml', '--filter (', '--filter none', '--save', '--list=1', 'more'):
            self.complaint(*arguments.split())


if __name__ == '__main__':
    unittest.main()
