"""weft-load as its users call it. Usage: weft_load_test.py WEFT_LOAD WEFT_HTTPD BACKEND"""
import contextlib
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.dont_write_bytecode = True
from served import serve  # noqa: E402

BACKEND, HTTPD, LOAD = sys.argv.pop(), sys.argv.pop(), sys.argv.pop()
PATIENCE = 60  # seconds; sanitized programs are slow
SHORT = ('--duration', '0.3', '--warm-up', '0')
LONGER = ('3', '20')  # seconds: how long the same is given on a machine that is busy with other things


def load(*arguments, limit=None):
    """Status, standard output, standard error."""
    command = [LOAD, '--backend', BACKEND, *arguments]
    if limit:
        command = ['sh', '-c', f'ulimit -n {limit}; exec "$@"', 'sh', *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    return done.returncode, done.stdout, done.stderr


def holds_sockets(pid, count):
    """Waits until it does."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError):                         # one was closed just now
            fds = [os.readlink(f'/proc/{pid}/fd/{fd}') for fd in os.listdir(f'/proc/{pid}/fd')]
            if sum(fd.startswith('socket:') for fd in fds) >= count:
                return True
        time.sleep(0.01)
    return False


class Script:
    """A server that treats each connection as `talk(socket, number)` says, at `at`; until it is closed."""

    def __init__(self, talk, path=None):
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
            self.listener.listen(128)
        else:
            self.listener = socket.create_server(('127.0.0.1', 0), backlog=128)
        self.at = path or '127.0.0.1:%d' % self.listener.getsockname()[1]
        self.talk, self.threads, self.connections = talk, [], 0
        self.accepting = threading.Thread(target=self.accept)
        self.accepting.start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                one, _ = self.listener.accept()
                self.connections += 1
                self.threads.append(threading.Thread(target=self.serve, args=(one, self.connections)))
                self.threads[-1].start()

    def serve(self, one, number):
        with one, contextlib.suppress(OSError):
            self.talk(one, number)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.accepting.join()
        for thread in self.threads:
            thread.join()


def echo(one, _):
    while data := one.recv(65536):
        one.sendall(data)


def answers(*texts):
    """A talk that answers each read with the next of `texts`, over and over."""
    def talk(one, _):
        while True:
            for text in texts:
                if not one.recv(65536):
                    return
                for part in text if isinstance(text, tuple) else (text,):
                    one.sendall(part)
    return talk


OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'


class WeftLoad(unittest.TestCase):
    def httpd(self, *flags):
        self.process, url = serve(self, HTTPD, BACKEND, '--workers', '1', *flags)
        return url

    def script(self, talk, path=None):
        server = Script(talk, path)
        self.addCleanup(server.close)
        return server

    def found(self, *arguments, status=0):
        """What it says in JSON. Where a short run has sent nothing to the end, a longer one is asked."""
        for duration in ((), *(('--duration', time) for time in LONGER)):
            ended, said, error = load('--format', 'json', *SHORT, *arguments, *duration)
            seen = json.loads(said)
            if seen['requests'] + seen['failed'] > 1:
                break
        self.assertEqual(ended, status, said + error)
        self.assertEqual(error, '' if status == 0 else 'weft-load: nothing was answered as expected\n')
        return seen

    def all_well(self, seen):
        self.assertGreater(seen['requests'], 0)
        self.assertEqual(seen['failed'], 0, seen['failures'])
        self.assertGreaterEqual(seen['latency_us']['count'], seen['requests'])
        times = [seen['latency_us'][p] for p in ('p50', 'p90', 'p99', 'p99.9', 'p99.99', 'max')]
        self.assertEqual(times, sorted(times))
        self.assertGreater(times[0], 0)

    def test_measures_weft_httpd(self):
        url = self.httpd() + '/'
        for flags in ((), ('--connections', '50', '--workers', '2'), ('--pipeline', '16'),
                      ('--no-keep-alive',), ('--rate', '500'), ('--rate', '500', '--pipeline', '5'),
                      ('--warm-up', '0.1'),
                      ('--method', 'POST', '--body', 'hello', '--expect-bytes', '5'),
                      ('--method', 'HEAD', '--expect-status', '200', '--expect-bytes', '0')):
            with self.subTest(flags):
                self.all_well(self.found(*flags, url))

    def test_an_open_loop_sends_what_is_due_and_no_more(self):
        seen = self.found('--rate', '200', self.httpd() + '/')
        self.all_well(seen)
        due = 200 * seen['seconds']
        self.assertAlmostEqual(seen['requests'] + seen['unanswered'], due, delta=1)
        self.assertEqual(seen['loop'], 'open')

    def test_workers_without_a_connection_leave_nothing_undone(self):
        seen = self.found('--rate', '200', '--connections', '1', '--workers', '4', self.httpd() + '/')
        self.assertEqual(seen['workers'], 1)
        self.assertLess(seen['unanswered'], seen['requests'])

    def test_counts_what_is_not_as_expected(self):
        url = self.httpd() + '/'
        for kind, flags in (('status', (url + 'nothing',)), ('content', ('--expect-bytes', '12', url)),
                            ('status', ('--expect-status', '204', url)),
                            ('timeout', ('--timeout', '0.05', url + 'sleep?ms=10000'))):
            seen = self.found(*flags, status=1)
            self.assertGreater(seen['failures'][kind], 0)
            self.assertEqual((seen['requests'], seen['failed']), (0, seen['failures'][kind]))

    def test_measures_echo_servers(self):
        server = self.script(echo)
        for flags in ((), ('--bytes', '65536'), ('--pipeline', '16'), ('--rate', '100'),
                      ('--no-keep-alive',)):
            with self.subTest(flags):
                seen = self.found('--connections', '3', *flags, f'echo://{server.at}')
                self.all_well(seen)
        self.assertEqual(self.found('--bytes', '99', f'echo://{server.at}')['bytes'] % 99, 0)

    def test_notices_an_echo_that_is_another(self):
        server = self.script(answers(b'x' * 64))
        self.assertGreater(self.found(f'echo://{server.at}', status=1)['failures']['content'], 0)

    def test_speaks_to_unix_sockets(self):
        with tempfile.TemporaryDirectory() as directory:
            server = self.script(echo, directory + '/echo')
            self.all_well(self.found(f'echo://unix:{server.at}'))
            at = f'unix:{directory}/http'
            self.httpd('--listen', at)
            self.all_well(self.found('--endpoint', at, 'http://localhost/'))

    def test_reads_each_kind_of_answer(self):
        chunked = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
        closing = OK.replace(b'OK', b'OK\r\nConnection: close')
        for talk in (answers((OK[:10], OK[10:40], OK[40:])),
                     answers(b'HTTP/1.1 100 Continue\r\n\r\n' + OK),
                     answers((chunked + b'2\r\nh', b'i\r\n0\r\n\r\n')),
                     lambda one, _: (one.recv(9999), one.sendall(b'HTTP/1.1 200 OK\r\n\r\nhi')),
                     lambda one, _: (one.recv(9999), one.sendall(closing))):
            server = self.script(talk)
            self.all_well(self.found('--connections', '2', '--expect-bytes', '2',
                                     f'http://{server.at}/'))

    def test_tells_failures_apart_and_goes_on_with_a_new_connection(self):
        # The first connection is weft-load's own, to see who is there.
        for kind, bad in (('read', OK[:20]), ('protocol', b'no\r\n\r\n')):
            def talk(one, number, bad=bad):
                if number <= 2 and one.recv(9999):
                    one.sendall(bad)
                else:
                    answers(OK)(one, number)
            seen = self.found('--connections', '1', f'http://{self.script(talk).at}/')
            self.assertGreater(seen['requests'], 0)
            self.assertEqual((seen['failures'][kind], seen['failed']), (1, 1), seen['failures'])

    def test_a_connection_that_ends_within_a_pipeline_fails_the_rest_of_it(self):
        def talk(one, number):
            if number == 2:
                one.recv(9999)
                one.sendall(OK.replace(b'OK', b'OK\r\nConnection: close'))
        seen = self.found('--connections', '1', '--pipeline', '4', f'http://{self.script(talk).at}/')
        self.assertEqual(seen['requests'], 1)
        self.assertEqual(seen['failures']['read'] % 4, 3)

    # It answers the first 50 requests, and then nobody any more.
    def stalling(self):
        left = [50]

        def talk(one, _):
            while one.recv(9999):
                left[0] -= 1
                if left[0] >= 0:
                    one.sendall(OK)
        return f'http://{self.script(talk).at}/'

    def test_a_stall_is_in_the_percentiles_of_an_open_loop(self):
        seen = self.found('--connections', '1', '--rate', '200', '--duration', '3', self.stalling())
        self.assertEqual(seen['requests'], 50)
        self.assertAlmostEqual(seen['unanswered'], 550, delta=1)
        # All that was due later is as slow as it could be told to be: more than the fifty answers weigh.
        self.assertGreater(seen['latency_us']['count'], 100)
        self.assertGreater(seen['latency_us']['p90'], seen['latency_us']['max'] / 4)

    def test_an_answer_is_late_if_those_before_it_were(self):
        def talk(one, _):
            while one.recv(9999):
                threading.Event().wait(0.02)                       # four times as long as there is
                one.sendall(OK)
        seen = self.found('--connections', '1', '--rate', '200', '--duration', '3',
                          f'http://{self.script(talk).at}/')
        # The answers were as late as what still waits for its turn, which therefore adds next to nothing.
        added = seen['latency_us']['count'] - seen['requests']
        self.assertLess(added, seen['unanswered'] / 4)

    def test_a_stall_is_one_request_of_a_closed_loop(self):
        seen = self.found('--connections', '1', '--duration', '3', self.stalling())
        self.assertEqual((seen['requests'], seen['unanswered'], seen['latency_us']['count']), (50, 1, 51))
        self.assertLess(seen['latency_us']['p90'], seen['latency_us']['max'] / 4)

    def test_tells_people(self):
        status, said, error = load('--duration', '2', '--warm-up', '0', '--connections', '1',
                                   self.httpd() + '/')
        self.assertEqual((status, error), (0, ''))
        for text in ('/: 1 connection, 1 worker, closed loop, 2 s\n', 'requests   ', ' per second, ',
                     'latency    mean ', ', p99.99 ', 'failures   none\n', 'own CPU    '):
            self.assertIn(text, said)

    def test_an_interrupt_ends_it_with_what_was_measured(self):
        answered = threading.Semaphore(0)

        def talk(one, _):
            while one.recv(9999):
                one.sendall(OK)
                answered.release()
        server = self.script(talk)
        process = subprocess.Popen([LOAD, '--backend', BACKEND, '--duration', '3600', '--warm-up', '0',
                                    '--format', 'json', f'http://{server.at}/'],
                                   stdout=subprocess.PIPE, text=True)
        for _ in range(100):
            self.assertTrue(answered.acquire(timeout=PATIENCE))
        process.send_signal(signal.SIGINT)
        seen = json.loads(process.communicate(timeout=PATIENCE)[0])
        self.assertEqual((process.returncode, seen['interrupted']), (0, True))
        self.assertGreater(seen['requests'], 0)
        self.assertLess(seen['seconds'], 3600)

    def test_an_interrupt_ends_connecting_too(self):
        with socket.create_server(('127.0.0.1', 0), backlog=1) as full:    # accepts nobody
            at = '127.0.0.1:%d' % full.getsockname()[1]
            process = subprocess.Popen([LOAD, '--backend', BACKEND, '--connections', '50', f'http://{at}/'],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertTrue(holds_sockets(process.pid, 20))
            process.send_signal(signal.SIGINT)
            said, error = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 1, error)
        self.assertIn('(interrupted)', said)

    def test_shows_progress_in_a_terminal_only(self):
        server = self.script(answers(OK))
        ours, theirs = pty.openpty()
        process = subprocess.Popen([LOAD, '--backend', BACKEND, '--duration', '3600', f'http://{server.at}/'],
                                   stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        shown = b''
        while b'requests/s' not in shown and select.select([ours], [], [], PATIENCE)[0]:
            shown += os.read(ours, 4096)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=PATIENCE)[0]
        os.close(ours)
        self.assertIn(b'requests/s', shown)
        self.assertNotIn(b'\r', said)

    def test_says_in_one_line_what_is_wrong(self):
        url = 'http://127.0.0.1:1/'
        for arguments, said in (((), 'which URL?'), ((url, url), 'one URL at a time'),
                                ((url,), 'nobody listens at 127.0.0.1:1: start the server first'),
                                (('http://nobody.invalid/',), 'nobody.invalid:80 does not resolve'),
                                (('https://localhost/',), 'no TLS'), (('localhost',), 'no URL'),
                                (('echo://localhost',), 'is no HOST:PORT'), (('echo://',), 'is no HOST:PORT'),
                                (('--endpoint', 'unix:/nowhere', url), 'nobody listens at unix:/nowhere'),
                                (('--endpoint', 'nowhere', url), 'not HOST:PORT or unix:PATH'),
                                (('--rate', '0', url), 'requests per second'),
                                (('--rate', 'nan', url), 'requests per second'),
                                (('--connections', '0', url), 'not a number from 1'),
                                (('--duration', '1s', url), 'seconds'), (('--duration', '0', url), 'seconds'),
                                (('--pipeline', '10000', url), '65536'),
                                (('--header', 'none', url), '"Name: value"'),
                                (('--header', 'a b: c', url), 'header field'),
                                (('--header', 'Expect: 100-continue', url), 'cannot be asked for'),
                                (('--format', 'xml', url), 'text or json'), (('--rate',), 'needs a value'),
                                (('--backend', 'iocp', url), 'uring, epoll or auto'),
                                (('--all', url), 'unknown flag --all')):
            status, out, error = load(*arguments)
            self.assertEqual((status, out, error.count('\n')), (2, '', 1), (arguments, error))
            self.assertIn(said, error)

    def test_says_how_many_descriptors_it_needs(self):
        status, _, error = load('--connections', '200', 'http://127.0.0.1:1/', limit=100)
        self.assertEqual((status, error.count('\n')), (2, 1))
        self.assertIn('--connections 200 needs 264 descriptors, and 100 are allowed: ulimit -Hn 264', error)

    def test_has_help_and_a_version(self):
        self.assertEqual(load('--help')[0], 0)
        self.assertIn('weft-load ', load('--version')[1])


if __name__ == '__main__':
    unittest.main()
