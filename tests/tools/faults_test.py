"""weft-httpd while the world does its worst: no descriptors are left, a thousand clients drip, peers end
their side early.

Usage: faults_test.py PROGRAM BACKEND KIB
KIB: memory that a dripping connection may take. They are 1,000, or 10,000 with WEFT_SOAK=1.
"""
import http.client
import os
import resource
import selectors
import socket
import sys
import time
import unittest

sys.dont_write_bytecode = True
from served import serve  # noqa: E402

EACH_MAX = int(sys.argv.pop()) << 10
BACKEND = sys.argv.pop()
PROGRAM = sys.argv.pop()
DRIPPING = 10_000 if os.environ.get('WEFT_SOAK') == '1' else 1000
GET = b'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
PATIENCE = 60  # seconds, for what must happen in the end


def cpu_seconds(pid):
    """What it has used so far, of user and of kernel time."""
    with open(f'/proc/{pid}/stat') as stat:
        fields = stat.read().rpartition(') ')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def resident_bytes(pid):
    with open(f'/proc/{pid}/statm') as statm:
        return int(statm.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


class Client:
    """A connection that waits for nothing; how it ended: `answer`, `ended`."""

    def __init__(self, to):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(to)
        self.answer = b''
        self.ended = None
        self.began = None

    def receive(self):
        try:
            while some := self.socket.recv(65536):
                self.answer += some
        except BlockingIOError:
            return
        except OSError:
            pass
        self.ended = time.monotonic()

    def send(self, some):
        try:
            self.socket.send(some)
        except OSError:
            return False  # not connected yet, or no more: receive() learns that
        self.began = self.began or time.monotonic()
        return True


class Faults(unittest.TestCase):
    def serve(self, *flags):
        server, url = serve(self, PROGRAM, BACKEND, '--workers', '2', *flags)
        self.to = ('127.0.0.1', int(url.rpartition(':')[2]))
        return server.pid

    def kept_alive(self):
        connection = http.client.HTTPConnection(*self.to, timeout=PATIENCE)
        self.addCleanup(connection.close)
        return connection

    def check_serves(self, connection):
        connection.request('GET', '/')
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.read()), (200, b'Hello, World!'))

    def clients(self, count):
        all_of_them = [Client(self.to) for _ in range(count)]
        for c in all_of_them:
            self.addCleanup(c.socket.close)
        return all_of_them

    def test_the_idle_make_room_before_descriptors_are_short(self):
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (192, before[1]))
        self.serve()
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        first = [self.kept_alive() for _ in range(128)]
        for connection in first:
            self.check_serves(connection)
        time.sleep(1.2)  # until they count as idle
        for _ in range(100):
            self.check_serves(self.kept_alive())

    def test_without_descriptors_it_neither_spins_nor_strands_anybody(self):
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
        pid = self.serve()  # which inherits the limit
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        served = [self.kept_alive() for _ in range(10)]
        for connection in served:
            self.check_serves(connection)
        crowd = self.clients(200)
        asked = set()
        watched = selectors.DefaultSelector()
        self.addCleanup(watched.close)
        for c in crowd:
            watched.register(c.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, c)

        def turn():
            for key, events in watched.select(0.01):
                c = key.data
                if events & selectors.EVENT_WRITE and c not in asked and c.send(GET):
                    asked.add(c)
                    watched.modify(c.socket, selectors.EVENT_READ, c)
                if events & selectors.EVENT_READ:
                    c.receive()

        until = time.monotonic() + 1
        while time.monotonic() < until:  # all that can come has come
            turn()
        before, began = cpu_seconds(pid), time.monotonic()
        while time.monotonic() < began + 3:
            turn()
        used = (cpu_seconds(pid) - before) / (time.monotonic() - began)
        self.assertLess(used, 0.05, 'of a core, while nobody can be accepted')
        answered = sum(c.answer.startswith(b'HTTP/1.1 200 ') for c in crowd)
        self.assertGreater(answered, 10)
        self.assertLess(answered, 64)  # or there were descriptors enough
        for connection in served:
            self.check_serves(connection)
        until = time.monotonic() + PATIENCE
        waiting = list(crowd)
        while waiting and time.monotonic() < until:  # who has an answer goes, and makes room
            turn()
            for c in [c for c in waiting if c.answer or c.ended]:
                watched.unregister(c.socket)
                c.socket.close()
                waiting.remove(c)
        self.assertEqual(len(waiting), 0, 'clients are stranded')
        # Some were told at once, by the end of their connection, that there is no room.
        self.assertGreater(sum(c.answer.startswith(b'HTTP/1.1 200 ') for c in crowd), answered)
        for connection in [*served, self.kept_alive()]:
            self.check_serves(connection)

    def test_who_drips_takes_little_and_is_cut_off(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        seconds = 3 if DRIPPING == 1000 else 20
        pid = self.serve('--max-connections', '20000', '--head-seconds', str(seconds), '--grace-seconds',
                         str(seconds))
        good = self.kept_alive()
        self.check_serves(good)
        before = resident_bytes(pid)
        drips = self.clients(DRIPPING)
        begins = (b'GET / HTTP/1.1\r\nX: ',
                  b'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n')
        most = before
        until = time.monotonic() + PATIENCE
        left = list(drips)
        while left and time.monotonic() < until:
            for i, c in enumerate(left):
                c.send(b'x' if c.began else begins[i % 2])
                c.receive()
                if i % 100 == 0:
                    self.check_serves(good)
            left = [c for c in left if not c.ended]
            most = max(most, resident_bytes(pid))
        self.assertEqual(len(left), 0, 'connections that were not cut off')
        for c in drips:
            self.assertTrue(c.answer.startswith(b'HTTP/1.1 408 ') or not c.answer, c.answer)
            self.assertGreater(c.ended - c.began, seconds - 0.1)
        # A reset that overtakes the answer is the price of sending on; but most must get to read it.
        self.assertGreater(sum(c.answer != b'' for c in drips), DRIPPING / 2)
        self.assertLess((most - before) / DRIPPING, EACH_MAX, 'bytes of memory for each')
        self.check_serves(good)

    def test_a_peer_that_has_ended_its_side_makes_it_wait_and_not_spin(self):
        pid = self.serve()
        peers = []
        for asks in (b'GET /sleep?ms=2000 HTTP/1.1\r\nHost: a\r\n\r\n',
                     GET + b'GET /sleep?ms=2000 HTTP/1.0\r\n\r\n'):
            peer = socket.create_connection(self.to, timeout=PATIENCE)
            self.addCleanup(peer.close)
            peer.sendall(asks)
            peer.shutdown(socket.SHUT_WR)
            peers.append(peer)
        before = cpu_seconds(pid)
        for peer in peers:
            answer = b''
            while some := peer.recv(65536):
                answer += some
            self.assertTrue(answer.endswith(b'slept 2000 ms\n'), answer)
        self.assertLess(cpu_seconds(pid) - before, 0.2)


if __name__ == '__main__':
    unittest.main()
