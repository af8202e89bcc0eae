"""weft-top as its users call it, beside a weft-httpd. Usage: top_test.py WEFT_TOP WEFT_HTTPD BACKEND"""
import fcntl
import http.server
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest
import urllib.request

from served import serve

BACKEND, HTTPD, TOP = sys.argv.pop(), sys.argv.pop(), sys.argv.pop()
PATIENCE = 60  # seconds; sanitized programs are slow


def top(*arguments):
    done = subprocess.run([TOP, *arguments], capture_output=True, text=True, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


class Pages(http.server.BaseHTTPRequestHandler):
    """Debug pages that say what a test wants: of the metrics, one text after the other."""

    def do_GET(self):  # noqa: N802
        metrics = 'metrics' in self.path
        said = self.server.metrics.pop(0) if metrics else '{"workers":[],"fibers":[],"stacks":[]}'
        self.send_response(200)
        self.end_headers()
        self.wfile.write(said.encode())

    def log_message(self, *arguments):
        pass


class Terminal:
    """weft-top in a terminal of 30 lines and 100 columns."""

    def __init__(self, *arguments):
        self.said = b''
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ['TERM'] = 'xterm'
            os.execv(TOP, [TOP, *arguments])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack('HHHH', 30, 100, 0, 0))

    def wait_for(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.said and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.5)[0]:
                self.said += os.read(self.fd, 65536)
        return text in self.said

    def press(self, key):
        os.write(self.fd, key)

    def status(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.said += os.read(self.fd, 65536)
                except OSError:                                # it has closed its side
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        return 'no end'


class Top(unittest.TestCase):
    def start(self, *flags):
        self.process, self.url = serve(self, HTTPD, BACKEND, '--debug-pages', '--workers', '2', *flags)
        return self.url.removeprefix('http://')

    def test_tells_scripts_what_happens(self):
        at = self.start()
        sleeping = [subprocess.Popen(['curl', '-s', f'{self.url}/sleep?ms=60000'], stdout=subprocess.DEVNULL)
                    for _ in range(3)]
        for process in sleeping:
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            status, said, error = top(at, '--once', '--format', 'json', '--interval', '0.2')
            self.assertEqual((status, error), (0, ''))
            seen = json.loads(said)
            if seen['parked'].get('sleep') == 3:
                break
        self.assertEqual(seen['parked']['sleep'], 3)
        self.assertEqual(seen['backend'], {'uring': 'io_uring', 'epoll': 'epoll'}[BACKEND])
        self.assertEqual([w['worker'] for w in seen['workers']], [0, 1])
        self.assertEqual(seen['connections']['handling'], 4)       # its own request too
        sleepers = [g for g in seen['groups'] if g['waits_for'] == 'a sleep']
        self.assertEqual([(g['fibers'], g['phase'], g['name']) for g in sleepers], [(3, 'parked', 'request')])
        self.assertGreaterEqual(seen['seconds'], 0.2)
        self.assertGreater(seen['rates']['requests'], 0)           # its own
        self.assertGreater(sum(f['share'] for f in seen['busiest']), 0)
        self.assertEqual(seen['busiest'], sorted(seen['busiest'], key=lambda f: -f['share']))
        self.assertIsNotNone(seen['latencies']['HTTP request']['p99'])

    def of_pages(self, *metrics):
        """What is told of a process whose metrics are those, one look after the other."""
        server = http.server.HTTPServer(('127.0.0.1', 0), Pages)
        self.addCleanup(server.server_close)
        server.metrics = list(metrics)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        status, said, error = top('127.0.0.1:%d' % server.server_port, '--once', '--format', 'json',
                                  '--interval', '0.1')
        self.assertEqual((status, error), (0, ''))
        return json.loads(said)

    def test_reads_samples_that_say_when_they_were_taken(self):
        text = 'weft_fibers{state="ready"} 3 1700000000000\nadded_by_the_program 1.5 -1\n'
        self.assertEqual(self.of_pages(text, text)['fibers'], {'ready': 3})

    def test_what_a_process_counts_that_was_started_anew_begins_at_zero(self):
        def text(n):
            return (f'weft_fibers_spawned_total {n}\nweft_worker_fibers_started{{worker="0"}} 1\n'
                    f'weft_worker_switches_total{{worker="0"}} {n}\n'
                    f'weft_batch_seconds_bucket{{le="1"}} {n}\nweft_batch_seconds_bucket{{le="+Inf"}} {n}\n'
                    f'weft_batch_seconds_sum {n}\nweft_batch_seconds_count {n}\n')

        seen = self.of_pages(text(1000000), text(10))
        self.assertAlmostEqual(seen['rates']['spawned'] * seen['seconds'], 10)
        self.assertAlmostEqual(seen['workers'][0]['switches'] * seen['seconds'], 10)
        self.assertEqual(seen['latencies']['batch']['p50'], 1)

    def test_tells_people_once(self):
        status, said, error = top(self.start(), '--once', '--interval', '0.1')
        self.assertEqual((status, error), (0, ''))
        for text in ('fibers  unstarted 0', 'WORKER', 'BUSY', 'p99.9', 'SPAWNED AT', 'parked: a signal'):
            self.assertIn(text, said)

    def test_speaks_to_unix_sockets(self):
        with tempfile.TemporaryDirectory() as directory:
            at = f'unix:{directory}/debug'
            self.start('--listen', at)
            self.assertEqual(top(at, '--once', '--interval', '0.1')[0], 0)

    def test_lives_in_a_terminal(self):
        at = self.start()
        terminal = Terminal(at, '--interval', '0.1')
        self.assertTrue(terminal.wait_for(b'SPAWNED AT'), terminal.said)
        terminal.press(b'p')
        self.assertTrue(terminal.wait_for(b'PAUSED'), terminal.said)
        terminal.press(b'q')
        self.assertEqual(terminal.status(), 0)

    def test_waits_for_a_process_that_went_away(self):
        at = self.start()
        terminal = Terminal(at, '--interval', '0.1')
        self.assertTrue(terminal.wait_for(b'SPAWNED AT'), terminal.said)
        self.process.kill()
        self.assertTrue(terminal.wait_for(b'no process answers'), terminal.said)
        terminal.press(b'Q')
        self.assertEqual(terminal.status(), 0)

    def test_says_in_one_line_what_is_wrong(self):
        at = self.start()
        for arguments, said in ((('127.0.0.1:1', '--once'), 'no process answers at 127.0.0.1:1'),
                                ((at, '--once', '--prefix', '/other'), 'has no debug pages at /other'),
                                ((at,), 'use --once'),
                                ((at, '--format', 'json'), '--once'),
                                ((at, '--once', '--format', 'xml'), 'text or json'),
                                ((at, '--interval', 'soon'), 'seconds'),
                                ((at, '--prefix'), 'needs a value'),
                                (('--all',), 'unknown flag --all')):
            status, _, error = top(*arguments)
            self.assertEqual((status, error.count('\n')), (2, 1), error)
            self.assertIn(said, error)

    def test_says_so_where_others_answer(self):
        process, url = serve(self, HTTPD, BACKEND)                 # as one without debug pages
        with urllib.request.urlopen(url + '/plaintext', timeout=PATIENCE) as answer:
            self.assertEqual(answer.status, 200)
        status, _, error = top(url.removeprefix('http://'), '--once')
        self.assertEqual(status, 2)
        self.assertIn('http::debug_pages()', error)

    def test_has_help_and_a_version(self):
        self.assertEqual(top('--help')[0], 0)
        self.assertIn('weft-top ', top('--version')[1])


if __name__ == '__main__':
    unittest.main()
