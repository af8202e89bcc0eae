"""weft-doctor as its users call it. Usage: doctor_test.py WEFT_DOCTOR"""
import ctypes
import errno
import json
import os
import platform
import resource
import struct
import subprocess
import sys
import tempfile
import unittest

DOCTOR = sys.argv.pop(1)


def refuse_io_uring(error):
    """As containers do: from here on, io_uring_setup fails with `error`."""
    io_uring_setup = 425  # of x86-64 and of aarch64
    program = b''.join(struct.pack('HBBI', *line) for line in (
        (0x20, 0, 0, 0),                   # load the number of the system call
        (0x15, 0, 1, io_uring_setup),      # any other: skip a line
        (0x06, 0, 0, 0x00050000 | error),  # fail
        (0x06, 0, 0, 0x7fff0000)))         # allow
    lines = ctypes.create_string_buffer(program)
    filter_ = struct.pack('HP', len(program) // 8, ctypes.addressof(lines))
    libc = ctypes.CDLL(None, use_errno=True)
    set_no_new_privileges, set_seccomp, filter_mode = 38, 22, 2
    if libc.prctl(set_no_new_privileges, 1, 0, 0, 0) or libc.prctl(set_seccomp, filter_mode, filter_):
        raise OSError(ctypes.get_errno(), 'seccomp')


def doctor(*arguments, nofile=None, memlock=None, io_uring_error=None, **environment):
    def limit():
        if nofile:
            resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))
        if memlock:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (memlock, memlock))
        if io_uring_error:
            refuse_io_uring(io_uring_error)

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

    def test_each_shortage_says_what_it_costs_and_the_command_that_mends_it(self):
        commands = r'(apt-get|docker|echo|meson|prlimit|sysctl|ulimit|unset|no command:) '
        for conditions in ({'nofile': 100}, {'WEFT_SIMD': 'mmx'}, {'io_uring_error': errno.EPERM},
                           {'io_uring_error': errno.ENOSYS}, {'io_uring_error': errno.ENOMEM},
                           {'io_uring_error': errno.EINVAL}):
            for finding in findings(**conditions).values():
                if not finding['ok']:
                    self.assertTrue(finding['costs'])
                    self.assertRegex(finding['remedy'], '^' + commands)

    @unittest.skipUnless(platform.machine() in ('x86_64', 'aarch64'), 'another number of io_uring_setup')
    def test_a_refused_io_uring_is_a_shortage(self):
        for error, why, remedy in ((errno.EPERM, 'forbidden', 'seccomp|io_uring_disabled'),
                                   (errno.ENOSYS, 'not there', 'linux-image'),
                                   (errno.EINVAL, 'too old', 'linux-image')):
            found = findings(io_uring_error=error)
            backend = found['backend']
            self.assertEqual((backend['value'], backend['ok']), ('epoll', False))
            self.assertIn(why, backend['costs'])
            self.assertRegex(backend['remedy'], remedy)
            self.assertFalse(found['io_uring setup']['ok'])
            self.assertNotIn('io_uring accept', found)

    @unittest.skipUnless(platform.machine() in ('x86_64', 'aarch64'), 'another number of io_uring_setup')
    def test_little_locked_memory_is_a_shortage_where_no_ring_fits(self):
        # Newer kernels do not count rings against the limit: the error that others give stands for it.
        found = findings(memlock=65536, io_uring_error=errno.ENOMEM)
        self.assertEqual((found['memlock']['value'], found['memlock']['ok']), ('65536 bytes', False))
        for name in 'memlock', 'backend':
            self.assertIn('ulimit -l', found[name]['remedy'])

    def test_tries_whether_one_accept_takes_many_connections(self):
        found = findings()
        if found['backend']['value'] == 'io_uring':
            self.assertEqual(found['io_uring accept'],
                             {'name': 'io_uring accept', 'value': 'multishot', 'ok': True})

    def test_few_descriptors_are_a_shortage(self):
        self.assertFalse(findings(nofile=100)['nofile']['ok'])
        self.assertIn('36 connections', findings(nofile=100)['nofile']['costs'])

    def test_a_cgroup_s_quota_below_the_cpus_is_a_shortage(self):
        with tempfile.TemporaryDirectory() as root:
            group = os.path.join(root, 'pod', 'container')
            os.makedirs(group)

            def cpus(quota, of='.'):
                with open(os.path.join(group, of, 'cpu.max'), 'w', encoding='ascii') as file:
                    file.write(quota + ' 100000\n')
                done = doctor('--format=json', '--cgroup', group)
                self.assertEqual((done.returncode, done.stderr), (0, ''))
                return next(f for f in json.loads(done.stdout)['findings'] if f['name'] == 'cpus')

            online = len(os.sched_getaffinity(0))
            found = cpus('max')
            self.assertTrue(found['ok'])
            self.assertIn('%d workers' % online, found['value'])
            self.assertIn('cgroup unlimited', found['value'])
            self.assertTrue(cpus('%d00000' % (online + 1))['ok'])
            if online > 1:
                found = cpus('50000')
                self.assertFalse(found['ok'])
                self.assertTrue(found['value'].startswith('1 workers'), found['value'])
                self.assertIn('cgroup 1', found['value'])
                self.assertIn('echo max > %s/cpu.max' % group, found['remedy'])
                cpus('max')
                self.assertFalse(cpus('100000', of='..')['ok'], 'the quota of the group around it')

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

    CENSUS = (('deep "a"', 'kib64', 3, 40960, 36864, 'kib256'), ('small', 'kib64', 1000, 4096, 4096, 'kib16'),
              ('right', 'kib64', 9, 24576, 8192, 'kib64'), ('huge', 'mib1', 1, 1032192, 1032192, 'mib1'))

    @staticmethod
    def census(sites, left_out=0):
        line = '{"file":"a.cpp","line":%d,"function":%s,"stack_class":"%s","usable":1,"fibers":%d,' \
               '"bytes_max":%d,"bytes_p99":%d}'
        lines = (line % (i, json.dumps(site[0]), *site[1:5]) for i, site in enumerate(sites))
        return '{"sites":[\n' + ',\n'.join(lines) + '\n],"fibers_left_out":%d}\n' % left_out

    def test_recommends_a_stack_class_for_each_spawn_site(self):
        with tempfile.NamedTemporaryFile('w', suffix='.json') as file:
            file.write(self.census(self.CENSUS))
            file.flush()
            done = doctor('--format', 'json', '--stacks', file.name)
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            sites = json.loads(done.stdout)['sites']
            self.assertEqual([(s['function'], s['stack_class'], s['fibers'], s['bytes_max'], s['bytes_p99'],
                               s['suits']) for s in sites], list(self.CENSUS))
            text = doctor('--stacks=' + file.name).stdout
            self.assertRegex(text, r'CHANGE kib64 +kib256 +3 +36 +40  a.cpp:0 in deep "a"')
            self.assertRegex(text, r'ok +kib64 +kib64 ')
            self.assertIn('2 of 4 spawn sites want another', text)
            self.assertNotIn('left out', text)

    def test_says_how_many_fibers_a_stack_census_has_left_out(self):
        with tempfile.NamedTemporaryFile('w', suffix='.json') as file:
            file.write(self.census(self.CENSUS, left_out=12))
            file.flush()
            told = json.loads(doctor('--format', 'json', '--stacks', file.name).stdout)
            self.assertEqual(told['fibers_left_out'], 12)
            self.assertIn('12 fibers of other sites are left out', doctor('--stacks', file.name).stdout)

    def test_what_is_no_stack_census_is_refused(self):
        whole = self.census(self.CENSUS)
        for bad in ('', '{}', whole[:-4], whole.replace('"fibers":3,', ''), whole.replace('40960', '-1')):
            with tempfile.NamedTemporaryFile('w') as file:
                file.write(bad)
                file.flush()
                done = doctor('--stacks', file.name)
                self.assertEqual((done.returncode, done.stdout, done.stderr.count('\n')), (2, '', 1), bad)
        self.assertEqual(doctor('--stacks', '/no/such/file').returncode, 2)

    def test_a_bad_flag_is_one_line_and_status_2(self):
        for arguments in (['--bogus'], ['--format'], ['--format', 'xml'], ['--formatjson'], ['--cgroup'],
                          ['--cgroup', '/no/such/directory'], ['--stacks'], ['stray']):
            done = doctor(*arguments)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count('\n')), (2, '', 1), arguments)
            self.assertIn(arguments[-1], done.stderr)

    def test_help_names_every_flag(self):
        done = doctor('--help')
        self.assertEqual(done.returncode, 0)
        for flag in ('--format', '--cgroup', '--stacks', '--version', '--help'):
            self.assertIn(flag, done.stdout)


if __name__ == '__main__':
    unittest.main()
