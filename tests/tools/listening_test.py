"""Where weft-httpd listens: unix sockets, both families of IP, and sockets that it was passed.

Usage: listening_test.py PROGRAM BACKEND
"""
import fcntl
import http.client
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import unittest

import served

BACKEND = sys.argv.pop()
PROGRAM = os.path.abspath(sys.argv.pop())
QUESTION = b'GET /json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'


def answers(at, family=socket.AF_INET):
    with socket.socket(family) as client:
        client.settimeout(20)
        client.connect(at)
        client.sendall(QUESTION)
        return client.recv(12) == b'HTTP/1.1 200'


def accepts(path):
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0


def refusal(*flags, environment=None, **more):
    done = subprocess.run([PROGRAM, '--backend', BACKEND, *flags], capture_output=True, text=True, timeout=20,
                          env={**os.environ, **(environment or {})}, **more)
    return done.returncode, done.stderr


class Unix(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(folder.name, 'socket')

    def start(self, *flags):
        server, at = served.serve(self, PROGRAM, BACKEND, '--listen', 'unix:' + self.path, *flags)
        return server, at

    def test_answers_curl_and_logs_it(self):
        log = os.path.join(self.folder, 'log')
        server, _ = self.start('--access-log', log, '--log-format', 'common')
        if not shutil.which('curl'):
            self.skipTest('curl is not there')
        done = subprocess.run(['curl', '-sS', '--unix-socket', self.path, 'http://localhost/json'],
                              capture_output=True, text=True, timeout=20)
        self.assertEqual((done.stdout, done.stderr), ('{"message":"Hello, World!"}', ''))
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(20), 0)
        self.assertRegex(pathlib.Path(log).read_text(), r'^- - - \[.*\] "GET /json HTTP/1\.1" 200 27\n$')
        self.assertFalse(os.path.exists(self.path))

    def test_the_umask_says_who_may_connect(self):
        for mask, mode in ((0o022, 0o755), (0o117, 0o660)):
            before = os.umask(mask)
            try:
                server, _ = self.start()
            finally:
                os.umask(before)
            self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), mode)
            server.send_signal(signal.SIGTERM)
            self.assertEqual(server.wait(20), 0)

    def test_replaces_the_socket_of_a_dead_server_and_of_no_other(self):
        server, _ = self.start()
        status, said = refusal('--listen', 'unix:' + self.path)
        self.assertEqual((status, said.count('\n')), (2, 1), said)
        self.assertIn('in use', said)
        self.assertTrue(answers(self.path, socket.AF_UNIX))
        server.kill()
        server.wait()
        self.assertTrue(os.path.exists(self.path))
        while accepts(self.path):  # a ring lets go of its sockets some milliseconds after its process's end
            pass
        self.start()
        self.assertTrue(answers(self.path, socket.AF_UNIX))
        file = os.path.join(self.folder, 'file')
        pathlib.Path(file).write_text('somebody needs this')
        self.assertEqual(refusal('--listen', 'unix:' + file)[0], 2)
        self.assertEqual(pathlib.Path(file).read_text(), 'somebody needs this')

    def test_listens_at_several_places(self):
        name = f'@weft-{os.getpid()}-{BACKEND}'
        _, at = self.start('--listen', 'unix:' + name, '--listen', '127.0.0.1:0')
        first, second, third = at.split(' and ')
        self.assertEqual((first, second), ('unix:' + self.path, 'unix:' + name))
        self.assertTrue(answers(self.path, socket.AF_UNIX))
        self.assertTrue(answers('\0' + name[1:], socket.AF_UNIX))
        self.assertTrue(answers(('127.0.0.1', int(third.rpartition(':')[2]))))

    # One socket for all workers: the others get connections too, and nobody waits for ever.
    # UndefinedBehaviorSanitizer asks the kernel about memory through a pipe, and takes a refusal for garbage.
    @unittest.skipIf(os.environ.get('WEFT_SANITIZED'), 'sanitizers need descriptors of their own')
    def test_more_clients_than_descriptors_are_served_in_the_end(self):
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
        try:
            self.start('--workers', '3')
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        turned_away = answered = 0
        clients = []
        for _ in range(200):
            clients.append(socket.socket(socket.AF_UNIX))
            clients[-1].settimeout(20)
            clients[-1].connect(self.path)
        for client in clients:
            try:
                client.sendall(QUESTION)
                answer = client.recv(12)
            except (BrokenPipeError, ConnectionResetError):
                answer = b''
            client.close()
            self.assertIn(answer, (b'', b'HTTP/1.1 200'))
            answered += answer != b''
            turned_away += answer == b''
        self.assertGreater(answered, 20)
        self.assertGreater(turned_away, 0)
        for _ in range(20):
            self.assertTrue(answers(self.path, socket.AF_UNIX))


class Ip(unittest.TestCase):
    def test_listens_at_both_families(self):
        _, url = served.serve(self, PROGRAM, BACKEND, '--host', '::', '--workers', '3')
        port = int(url.rpartition(':')[2])
        self.assertTrue(answers(('127.0.0.1', port)))
        self.assertTrue(answers(('::1', port), socket.AF_INET6))
        # SO_REUSEPORT: a socket for each worker.
        rows = pathlib.Path('/proc/net/tcp6').read_text().splitlines()
        self.assertEqual(len([row for row in rows if re.search(f':{port:04X} .* 0A ', row)]), 3)

    def test_listens_at_ipv6_alone(self):
        _, url = served.serve(self, PROGRAM, BACKEND, '--host', '::1')
        port = int(url.rpartition(':')[2])
        self.assertTrue(answers(('::1', port), socket.AF_INET6))
        with self.assertRaises(ConnectionRefusedError):
            answers(('127.0.0.1', port))


class Activation(unittest.TestCase):
    def given(self, *listeners):
        """Passes them as systemd does: from 3 on, close-on-exec not set."""
        # Copied up, so that none is overwritten by another.
        high = [fcntl.fcntl(listener, fcntl.F_DUPFD_CLOEXEC, 100) for listener in listeners]
        for listener in listeners:
            listener.close()
        for fd in high:
            self.addCleanup(os.close, fd)

        def place():
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)
        return {'preexec_fn': place, 'pass_fds': range(3, 3 + len(high))}

    def start(self, listeners, *flags, pid='$$'):
        script = f'LISTEN_PID={pid} LISTEN_FDS={len(listeners)} exec "$@"'
        environment = {k: v for k, v in os.environ.items() if k != 'WEFT_BACKEND'}
        command = ['sh', '-c', script, 'sh', PROGRAM, '--backend', BACKEND, '--port', '0', *flags]
        server = subprocess.Popen(command,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
                                  **self.given(*listeners))
        self.addCleanup(server.communicate)
        self.addCleanup(server.kill)
        return server

    def line_of(self, server):
        line = server.stdout.readline()
        if not line and BACKEND == 'uring':
            said = server.stderr.read()
            self.assertIn('--backend epoll', said)
            self.skipTest(f'no io_uring here: {said}')
        return line.partition('listening on ')[2].split(' (')[0]

    def test_listens_at_what_it_was_passed(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'socket')
            over_path = socket.socket(socket.AF_UNIX)
            over_path.bind(path)
            over_path.listen()
            listeners = [socket.create_server(('127.0.0.1', 0)),
                         socket.create_server(('::1', 0), family=socket.AF_INET6), over_path]
            ports = [listener.getsockname()[1] for listener in listeners[:2]]
            server = self.start(listeners)
            self.assertEqual(self.line_of(server),
                             f'http://127.0.0.1:{ports[0]} and http://[::1]:{ports[1]} and unix:{path}')
            self.assertTrue(answers(('127.0.0.1', ports[0])))
            self.assertTrue(answers(('::1', ports[1]), socket.AF_INET6))
            self.assertTrue(answers(path, socket.AF_UNIX))
            server.send_signal(signal.SIGTERM)
            self.assertEqual(server.wait(20), 0)
            self.assertTrue(os.path.exists(path), 'the path is that of who made it')

    def test_flags_go_first(self):
        listener = socket.create_server(('127.0.0.1', 0))
        port = listener.getsockname()[1]
        line = self.line_of(self.start([listener], '--listen', '127.0.0.1:0'))
        self.assertNotIn(str(port), line)

    def test_leaves_what_is_for_another_process(self):
        listener = socket.create_server(('127.0.0.1', 0))
        port = listener.getsockname()[1]
        self.assertNotIn(str(port), self.line_of(self.start([listener], pid='1')))

    def test_says_what_is_wrong(self):
        with socket.socket() as bound:
            bound.bind(('127.0.0.1', 0))
            for environment, said in (({'LISTEN_FDS': 'x'}, 'LISTEN_FDS is not a number'),
                                      ({'LISTEN_FDS': '1', 'LISTEN_FDNAMES': 'a:b'}, 'LISTEN_FDNAMES'),
                                      ({'LISTEN_FDS': '1', 'LISTEN_PID': 'x'}, 'LISTEN_PID'),
                                      ({'LISTEN_FDS': '2'}, 'not open'),
                                      ({'LISTEN_FDS': '1'}, 'not a listening stream socket')):
                script = 'LISTEN_PID=${LISTEN_PID-$$} exec "$@"'
                listener = socket.socket() if 'stream' in said else socket.create_server(('127.0.0.1', 0))
                done = subprocess.run(['sh', '-c', script, 'sh', PROGRAM, '--port', '0'], capture_output=True,
                                      text=True, timeout=20, env={**os.environ, **environment},
                                      **self.given(listener))
                self.assertEqual((done.returncode, done.stderr.count('\n')), (2, 1), done.stderr)
                self.assertIn(said, done.stderr)

    @unittest.skipUnless(shutil.which('systemd-socket-activate'), 'systemd is not there')
    def test_is_started_by_systemd(self):
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        server = subprocess.Popen(
            ['systemd-socket-activate', '-l', f'127.0.0.1:{port}', PROGRAM, '--backend', BACKEND],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(server.communicate)
        self.addCleanup(server.kill)
        server.stderr.readline()  # that it listens
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
        try:
            connection.request('GET', '/json')
            self.assertEqual(connection.getresponse().status, 200)
        except OSError:
            if BACKEND == 'uring' and '--backend epoll' in server.communicate()[1]:
                self.skipTest('no io_uring here')
            raise
        finally:
            connection.close()


if __name__ == '__main__':
    unittest.main()
