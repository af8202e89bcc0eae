"""weft-doctor as its users call it. Usage: doctor_test.py WEFT_DOCTOR"""
import json
import resource
import subprocess
import sys
import unittest

DOCTOR = sys.argv.pop(1)


def doctor(*arguments, nofile=None, **environment):
    def limit():
        if nofile:
            resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))

    return subprocess.run([DOCTOR, *arguments], text=True, capture_output=True, preexec_fn=limit,
                          env=environment)


def findings(**conditions):
    done = doctor('--format', 'json', **conditions)
    assert done.returncode == 0, done.stderr
    return {f['name']: f for f in json.loads(done.stdout)['findings']}


class Doctor(unittest.TestCase):
    def test_names_what_this_machine_supports(self):
        found = findings()
        names = 'context simd guards backend nofile memlock max_map_count somaxconn cpus'
        for name in names.split():
            self.assertIn(name, found)
        self.assertIn(found['guards']['value'], ('page_table', 'mprotect', 'canary'))
        self.assertIn(found['backend']['value'], ('io_uring', 'epoll'))

    def test_each_shortage_says_what_it_costs_and_what_mends_it(self):
        for finding in findings(nofile=100).values():
            if not finding['ok']:
                self.assertTrue(finding['costs'])
                self.assertTrue(finding['remedy'])

    def test_few_descriptors_are_a_shortage(self):
        self.assertFalse(findings(nofile=100)['nofile']['ok'])
        self.assertIn('36 connections', findings(nofile=100)['nofile']['costs'])

    def test_text_has_a_line_for_each_finding(self):
        text = doctor().stdout
        for name in findings():
            self.assertIn(name, text)

    def test_says_that_a_backend_was_forced(self):
        self.assertIn('WEFT_BACKEND', findings(WEFT_BACKEND='epoll')['backend']['value'])

    def test_says_which_vectors_were_forced_and_what_was_refused(self):
        self.assertIn('scalar', findings(WEFT_SIMD='scalar')['simd']['value'])
        refused = findings(WEFT_SIMD='mmx')['simd']
        self.assertFalse(refused['ok'])
        self.assertIn('WEFT_SIMD is not one of scalar', refused['costs'])

    def test_a_bad_flag_is_one_line_and_status_2(self):
        for arguments in (['--bogus'], ['--format'], ['--format', 'xml'], ['--formatjson'], ['stray']):
            done = doctor(*arguments)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count('\n')), (2, '', 1), arguments)
            self.assertIn(arguments[-1], done.stderr)

    def test_help_names_every_flag(self):
        done = doctor('--help')
        self.assertEqual(done.returncode, 0)
        for flag in ('--format', '--version', '--help'):
            self.assertIn(flag, done.stdout)


if __name__ == '__main__':
    unittest.main()
