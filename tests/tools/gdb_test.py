"""tools/gdb/weft.py in gdb, on a core file and on a live process. Usage: gdb_test.py SCRIPT PROGRAM"""
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv.pop())
SCRIPT = os.path.abspath(sys.argv.pop())
GDB = shutil.which('gdb')

FUNCTIONS = 'innermost', 'between', 'between', 'between', 'fiber_main'


def gdb(*commands, program=PROGRAM, core=None, script=SCRIPT, first=()):
    arguments = [GDB, '-batch', '-nx', *(part for command in first for part in ('-iex', command))]
    for command in (['source ' + script] if script else []) + list(commands):
        arguments += ['-ex', command]
    done = subprocess.run(arguments + [program] + ([core] if core else []), capture_output=True, text=True,
                          timeout=60, env={**os.environ, 'DEBUGINFOD_URLS': ''})
    return done.stdout + done.stderr


def fibers_of(text):
    """By name: the ids."""
    found = {}
    for number, name in re.findall(r'^fiber (\d+)(?: "([^"]*)")?, .* spawned at ', text, re.M):
        found.setdefault(name, []).append(number)
    return found


@unittest.skipIf(GDB is None, 'gdb is not installed')
class Gdb(unittest.TestCase):
    def in_order(self, text, functions):
        """The functions stand in that order in the frames."""
        frames = re.findall(r'^#\d+ .*', text, re.M)
        at = 0
        for frame in frames:
            if at < len(functions) and functions[at] in frame:
                at += 1
        self.assertEqual(at, len(functions), text)

    def check(self, text):
        """What `info fibers` and the backtraces say."""
        fibers = fibers_of(text)
        self.assertEqual({name: len(ids) for name, ids in fibers.items()},
                         {'': 1, 'waits': 2, 'sleeps': 1, 'woken': 1, 'not yet': 1}, text)
        self.assertIn('\n6 fibers\n', text)
        self.assertRegex(text, r'"waits", waits for an event, worker 0, spawned at .*parked_fibers\.cpp:\d+ ')
        self.assertRegex(text, r'"sleeps", waits for a sleep, worker 0')
        self.assertRegex(text, r'"woken", ready, worker 0')
        self.assertRegex(text, r'"not yet", unstarted, spawned')
        self.assertRegex(text, r'fiber \d+, running, worker 0')
        parts = {part.split(',')[0]: part for part in text.split('\n6 fibers\n')[1].split('\n\n')}
        shallow, deep = (parts['fiber %s "waits"' % number] for number in fibers['waits'])
        self.in_order(shallow, ('innermost', 'between', 'fiber_main'))
        self.in_order(deep, FUNCTIONS)
        self.assertEqual((shallow.count('between'), deep.count('between')), (1, 3))
        self.assertIn('sleep', parts['fiber %s "sleeps"' % fibers['sleeps'][0]])
        self.in_order(parts['fiber %s' % fibers[''][0]], ('abort', 'aborts'))

    def core(self, folder):
        """Of the program, which ends by abort()."""
        def unlimited():
            resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

        if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY:
            self.skipTest('the limit on core files cannot be raised')
        subprocess.run([PROGRAM], cwd=folder, preexec_fn=unlimited, stderr=subprocess.DEVNULL, timeout=30,
                       check=False)
        cores = [name for name in os.listdir(folder) if name.startswith('core')]
        if not cores:
            self.skipTest('the kernel writes core files elsewhere: see /proc/sys/kernel/core_pattern')
        return os.path.join(folder, cores[0])

    def test_a_core_file_shows_all_fibers(self):
        with tempfile.TemporaryDirectory() as folder:
            core = self.core(folder)
            text = gdb('info fibers', 'fiber apply all bt', core=core)
            self.check(text)
            number = fibers_of(text)['waits'][1]
            self.in_order(gdb('fiber %s bt' % number, core=core), FUNCTIONS)
            after = gdb('fiber %s bt' % number, 'echo ----\\n', 'bt', core=core).split('----')[1]
            self.assertIn('abort', after)
            self.assertNotIn('innermost', after, 'the thread is itself again')

    def test_a_core_file_without_symbols_shows_all_fibers(self):
        with tempfile.TemporaryDirectory() as folder:
            core = self.core(folder)
            stripped = os.path.join(folder, 'stripped')
            if shutil.which('strip') is None:
                self.skipTest('strip is not installed')
            subprocess.run(['strip', '-o', stripped, PROGRAM], check=True)
            text = gdb('info fibers', 'fiber apply all bt', core=core, program=stripped)
            self.assertEqual(len(fibers_of(text)['waits']), 2, text)
            for number in fibers_of(text)['waits']:
                frames = text.split('fiber %s "waits", waits for an event\n' % number)[1].split('\n\n')[0]
                self.assertGreaterEqual(len(re.findall('^#', frames, re.M)), 4, text)

    def test_a_live_process_shows_all_fibers(self):
        text = gdb('break abort', 'run', 'info fibers', 'fiber apply all bt', 'kill')
        if 'ptrace' in text:
            self.skipTest('processes may not be traced here')
        self.check(text)

    def test_what_is_wrong_is_told_in_a_line(self):
        text = gdb('info fibers', program='/bin/true')
        self.assertIn('no weft in this program', text)
        with tempfile.TemporaryDirectory() as folder:
            core = self.core(folder)
            self.assertIn('no fiber 77777', gdb('fiber 77777 bt', core=core))
            for words in ('', '1', 'bt', 'apply bt', '1 2 bt', 'all up'):
                self.assertIn('usage: fiber N bt', gdb('fiber ' + words, core=core), words)

    def test_gdb_loads_it_by_itself_beside_the_program(self):
        with tempfile.TemporaryDirectory() as folder:
            program = shutil.copy(PROGRAM, os.path.join(folder, 'program'))
            shutil.copy(SCRIPT, program + '-gdb.py')
            text = gdb('help info fibers', program=program, script=None,
                       first=['add-auto-load-safe-path ' + folder])
            self.assertIn('All fibers of weft', text)


if __name__ == '__main__':
    unittest.main()
