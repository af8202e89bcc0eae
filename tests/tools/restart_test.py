"""A restart of weft-httpd by SIGUSR2, as its clients meet it: none of them notices.

Usage: restart_test.py PROGRAM BACKEND

real time: processes start and end meanwhile, and clients ask as fast as they can.
"""
import ctypes
import http.client
import os
import pathlib
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

BACKEND = sys.argv.pop()
PROGRAM = os.path.abspath(sys.argv.pop())
PR_SET_CHILD_SUBREAPER = 36  # so that whom a restart leaves behind is this process's to wait for


def until(what, message, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise AssertionError(message)
        time.sleep(0.005)


def children_of(pid):
    found = []
    for entry in os.listdir('/proc'):
        try:
            if entry.isdigit():
                fields = pathlib.Path('/proc', entry, 'stat').read_text().rpartition(')')[2].split()
                if int(fields[1]) == pid and fields[0] != 'Z':
                    found.append(int(entry))
        except OSError:  # it has ended
            pass
    return found


def sockets_of(pid):
    found = set()
    try:
        for entry in os.listdir(f'/proc/{pid}/fd'):
            found.add(os.readlink(f'/proc/{pid}/fd/{entry}'))
    except OSError:  # it has closed one, or ended
        pass
    return {name for name in found if name.startswith('socket:')}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('localhost', timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Service:
    """A weft-httpd and its successors, started by a path that a test can put another program at."""

    def __init__(self, case, *flags, limit=None):
        folder = tempfile.TemporaryDirectory()
        case.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, 'weft-httpd')
        self.socket = os.path.join(folder.name, 'socket')
        os.symlink(PROGRAM, self.path)
        environment = {k: v for k, v in os.environ.items() if k != 'WEFT_BACKEND'}
        limits = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))) if limit else None
        self.first = subprocess.Popen(
            [self.path, '--backend', BACKEND, '--listen', '127.0.0.1:0', '--listen', 'unix:' + self.socket,
             *flags],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=limits)
        self.pids = [self.first.pid]
        case.addCleanup(self.end)
        line = self.first.stdout.readline()
        if not line and BACKEND == 'uring':
            said = self.first.stderr.read()
            case.assertIn('--backend epoll', said)
            case.skipTest(f'no io_uring here: {said}')
        self.line = line
        self.port = int(line.partition('127.0.0.1:')[2].split()[0])

    def end(self):
        for pid in self.pids:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        self.first.returncode = 0  # waited for, above or by the test
        self.first.stdout.close()
        self.first.stderr.close()

    def put(self, script):
        """What the next restart starts; None: nothing."""
        new = self.path + '.new'
        if script is None:
            os.unlink(self.path)
            return
        pathlib.Path(new).write_text('#!/bin/sh\n' + script.replace('weft-httpd', PROGRAM) + '\n')
        os.chmod(new, 0o755)
        os.rename(new, self.path)

    def signal(self, number):
        os.kill(self.pids[-1], number)

    def restart(self):
        """Returns when the successor alone has the sockets."""
        before = self.pids[-1]
        self.signal(signal.SIGUSR2)
        line = self.first.stdout.readline()
        assert line.split(' (')[0] == self.line.split(' (')[0], line
        self.pids += children_of(before)
        until(lambda: not sockets_of(before) & sockets_of(self.pids[-1]), 'they go on sharing sockets')
        return before

    def refuses_to_restart(self):
        """Returns what it says."""
        self.signal(signal.SIGUSR2)
        return self.first.stderr.readline()

    def ask(self, target='/json', connection=None):
        over = connection or http.client.HTTPConnection('127.0.0.1', self.port, timeout=20)
        over.request('GET', target)
        response = over.getresponse()
        status, body = response.status, response.read().decode()
        if connection is None:
            over.close()
        return status, body

    def ask_at_path(self):
        connection = UnixConnection(self.socket)
        answer = self.ask('/json', connection)
        connection.close()
        return answer


def exit_status(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Load:
    """Clients that ask until the end and forgive nothing: no second attempt."""

    def __init__(self, service):
        self.service = service
        self.over = threading.Event()
        self.answers = [0] * 8
        self.failures = []
        jobs = [self.new_connections, self.new_connections, self.kept, self.kept, self.kept_unix, self.slow,
                self.slow, self.hesitant]
        self.threads = [threading.Thread(target=self.guard, args=(job, i)) for i, job in enumerate(jobs)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def guard(self, job, i):
        while not self.over.is_set():
            try:
                job(i)
            except (OSError, http.client.HTTPException) as why:
                self.failures.append(f'{job.__name__}: {why!r}')

    def count(self, i, answer, expected):
        if answer == expected:
            self.answers[i] += 1
        else:
            self.failures.append(f'{answer} instead of {expected}')

    def new_connections(self, i):
        self.count(i, self.service.ask(), (200, '{"message":"Hello, World!"}'))

    # As long as the server keeps it.
    def keep(self, i, connection):
        while not self.over.is_set() and (connection.sock is not None or self.answers[i] == 0):
            self.count(i, self.service.ask('/plaintext', connection), (200, 'Hello, World!'))
            if connection.sock is None:  # the answer said so
                break
        connection.close()

    def kept(self, i):
        connection = http.client.HTTPConnection('127.0.0.1', self.service.port, timeout=20)
        connection.connect()
        self.keep(i, connection)

    def kept_unix(self, i):
        connection = UnixConnection(self.service.socket)
        connection.connect()
        self.keep(i, connection)

    def slow(self, i):
        self.count(i, self.service.ask('/sleep?ms=300'), (200, 'slept 300 ms\n'))

    # Its connection is accepted long before its request comes.
    def hesitant(self, i):
        connection = http.client.HTTPConnection('127.0.0.1', self.service.port, timeout=20)
        connection.connect()
        time.sleep(0.1)
        self.count(i, self.service.ask('/json', connection), (200, '{"message":"Hello, World!"}'))
        connection.close()


class Restart(unittest.TestCase):
    def test_no_client_notices_five_of_them(self):
        service = Service(self, '--workers', '3')
        with Load(service) as load:
            for _ in range(5):
                seen = load.answers[:]
                until(lambda: load.failures or all(a > b + 1 for a, b in zip(load.answers, seen)),
                      f'clients are not answered: {load.answers}')
                old = service.restart()
                self.assertEqual(exit_status(old), 0)
            seen = load.answers[:]
            until(lambda: load.failures or all(a > b + 1 for a, b in zip(load.answers, seen)),
                  f'clients are not answered: {load.answers}')
        self.assertEqual(load.failures, [])
        self.assertTrue(stat.S_ISSOCK(os.stat(service.socket).st_mode))
        service.signal(signal.SIGTERM)
        self.assertEqual(exit_status(service.pids[-1]), 0)
        self.assertFalse(os.path.exists(service.socket))
        self.assertEqual((service.first.stdout.read(), service.first.stderr.read()), ('', ''))

    # Each worker had a socket of its own; clients wait in every one of them.
    def test_all_sockets_are_served_by_any_number_of_workers(self):
        service = Service(self, '--workers', '4')
        self.assertEqual(service.ask()[0], 200)  # by then it has all its sockets
        for workers in (1, 3, 8):
            service.put(f'exec weft-httpd "$@" --workers {workers}')
            self.assertEqual(exit_status(service.restart()), 0)
            rows = pathlib.Path('/proc/net/tcp').read_text().splitlines()
            self.assertEqual(len([row for row in rows if re.search(f':{service.port:04X} .* 0A ', row)]), 4)
            clients = [socket.create_connection(('127.0.0.1', service.port), timeout=10) for _ in range(64)]
            for client in clients:
                client.sendall(b'GET /json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
            for client in clients:
                self.assertEqual(client.recv(12), b'HTTP/1.1 200')
                client.close()

    def test_a_program_that_does_not_come_up_changes_nothing(self):
        service = Service(self)
        for script, said in (('exit 3', 'status 3'), ('kill -9 $$', 'signal 9'),
                             ('exec weft-httpd --nonsense', 'unknown flag'),
                             (f'unset LISTEN_FDS; exec weft-httpd --listen 127.0.0.1:{service.port}',
                              'in use'),
                             ('exec 3<&-; exec weft-httpd "$@"', 'not open'),
                             (None, 'No such file')):
            service.put(script)
            self.assertIn(said, service.refuses_to_restart())
            if script and 'exec' in script:  # the new one's own words came first
                self.assertIn('ended with status 2', service.first.stderr.readline())
            self.assertEqual(service.ask()[0], 200)
            self.assertEqual(service.ask_at_path()[0], 200)
        service.put('exec weft-httpd "$@"')
        self.assertEqual(exit_status(service.restart()), 0)
        self.assertEqual(service.ask()[0], 200)

    def test_the_end_may_come_during_a_restart(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            service = Service(self)
            service.put('exec sleep 1000')
            service.signal(signal.SIGUSR2)
            until(lambda: children_of(service.first.pid), 'nothing was started')
            new = children_of(service.first.pid)
            self.assertEqual(service.ask()[0], 200)
            service.signal(number)
            self.assertEqual(service.first.wait(20), 0)
            self.assertEqual(service.first.stderr.read(), '')
            for pid in new:
                self.assertFalse(os.path.exists(f'/proc/{pid}'), 'it was left behind')
            self.assertFalse(os.path.exists(service.socket))

    # What is at hand is answered, though the end of the old process is asked for while it hands over.
    def test_the_end_may_come_after_a_restart(self):
        service = Service(self)
        asked = socket.create_connection(('127.0.0.1', service.port), timeout=20)
        asked.sendall(b'GET /sleep?ms=600 HTTP/1.1\r\nHost: a\r\n\r\n')
        self.assertEqual(service.ask()[0], 200)
        old = service.restart()
        os.kill(old, signal.SIGUSR2)  # one who does not know that it has worked
        os.kill(old, signal.SIGTERM)
        self.assertEqual(asked.recv(12), b'HTTP/1.1 200')
        asked.close()
        self.assertEqual(exit_status(old), 0)
        self.assertEqual(service.ask()[0], 200)

    # UndefinedBehaviorSanitizer asks the kernel about memory through a pipe, and takes a refusal for garbage.
    @unittest.skipIf(os.environ.get('WEFT_SANITIZED'), 'sanitizers need descriptors of their own')
    def test_a_want_of_descriptors_changes_nothing(self):
        service = Service(self, '--workers', '2', limit=64)
        clients = [socket.create_connection(('127.0.0.1', service.port), timeout=10) for _ in range(80)]
        until(lambda: len(os.listdir(f'/proc/{service.first.pid}/fd')) >= 63, 'there are descriptors left')
        while True:
            said = service.refuses_to_restart()
            if 'restart' in said:  # not that connections are turned away
                break
        self.assertIn('Too many open files', said)
        clients[0].sendall(b'GET /json HTTP/1.1\r\nHost: a\r\n\r\n')
        self.assertEqual(clients[0].recv(12), b'HTTP/1.1 200')
        for client in clients:
            client.close()
        until(lambda: len(os.listdir(f'/proc/{service.first.pid}/fd')) < 40, 'descriptors are not given back')
        self.assertEqual(exit_status(service.restart()), 0)
        self.assertEqual(service.ask()[0], 200)


if __name__ == '__main__':
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    unittest.main()
