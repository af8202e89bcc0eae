"""run_tests.py counts test cases, not executables, and loses no failure. Usage: run_tests_test.py TOOLS"""
import json
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv.pop(1))
import run_tests  # noqa: E402


class RunTests(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.log = pathlib.Path(self.directory.name, 'log')
        self.report = pathlib.Path(self.directory.name, 'report.json')
        self.log.write_text('')

    def counted(self, status=0, log='', cases=None):
        """What came of an executable that ended so, wrote that, and left that report."""
        self.log.write_text(log)
        if cases is not None:
            suite = [{'name': name, 'status': 'RUN', 'result': 'COMPLETED'} | more for name, more in cases]
            self.report.write_text(json.dumps({'testsuites': [{'name': 'Timer', 'testsuite': suite}]}))
        outcome = run_tests.cases(self.report, self.log, 'timer', status)
        return str(outcome.count), [name for name, _ in outcome.failures]

    def test_each_case_of_the_report_counts(self):
        cases = [('a', {}), ('b', {'result': 'SKIPPED'}), ('c', {'failures': [{'failure': 'x'}]}), ('d', {})]
        self.assertEqual(self.counted(1, '', cases), ('2 passed, 1 failed, 1 skipped', ['Timer.c']))

    def test_a_case_that_a_filter_left_out_does_not_count(self):
        cases = [('a', {}), ('b', {'status': 'NOTRUN', 'result': 'SUPPRESSED'})]
        self.assertEqual(self.counted(0, '', cases), ('1 passed, 0 failed, 0 skipped', []))

    def test_a_failure_after_the_last_case_counts(self):
        self.assertEqual(self.counted(66, '', [('a', {})])[0], '1 passed, 1 failed, 0 skipped')

    def test_a_crash_names_the_case_that_ran(self):
        log = '[ RUN      ] Timer.a\n[       OK ] Timer.a (0 ms)\n[ RUN      ] Timer.b\nSegmentation fault\n'
        self.assertEqual(self.counted(-11, log), ('1 passed, 1 failed, 0 skipped', ['Timer.b']))

    def test_a_timeout_is_a_failure(self):
        log = '[ RUN      ] Timer.a\n*** no end after 30 s: killed\n'
        self.assertEqual(self.counted('timeout', log), ('0 passed, 1 failed, 0 skipped', ['Timer.a']))

    def test_an_executable_without_cases_counts_as_one(self):
        self.assertEqual(self.counted(0, 'fine\n'), ('1 passed, 0 failed, 0 skipped', []))
        self.assertEqual(self.counted(1, 'bad\n'), ('0 passed, 1 failed, 0 skipped', ['timer']))
        self.assertEqual(self.counted(77, 'not here\n'), ('0 passed, 0 failed, 1 skipped', []))


if __name__ == '__main__':
    unittest.main()
