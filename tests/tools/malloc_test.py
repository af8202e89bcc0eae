"""weft-httpd takes nothing from malloc for a request, once it is warm; and its pools answer without a lock.

Under ab with 200 connections that are kept alive: 20,000 requests, or 200,000 with WEFT_SOAK=1.

Usage: malloc_test.py PROGRAM LIBRARY BACKEND debug|release      LIBRARY: tests/support/count_malloc.cpp
"""
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

sys.dont_write_bytecode = True
from served import serve  # noqa: E402

BUILD = sys.argv.pop()
BACKEND = sys.argv.pop()
LIBRARY = sys.argv.pop()
PROGRAM = sys.argv.pop()
REQUESTS = 200_000 if os.environ.get('WEFT_SOAK') == '1' else 20_000
CONNECTIONS = 200


@unittest.skipUnless(shutil.which('ab'), 'ab is not installed')
class Malloc(unittest.TestCase):
    def setUp(self):
        self.counts = tempfile.NamedTemporaryFile()
        self.addCleanup(self.counts.close)
        self.counts.write(bytes(16))
        self.counts.flush()
        self.server, self.at = serve(
            self, PROGRAM, BACKEND, '--debug-pages', '--workers', '2',
            environment={'LD_PRELOAD': LIBRARY, 'WEFT_COUNT_MALLOC': self.counts.name})

    def taken(self):
        self.counts.seek(0)
        return struct.unpack('QQ', self.counts.read(16))[0]

    def pools(self):
        with urllib.request.urlopen(self.at + '/debug/pools', timeout=10) as answer:
            return {pool['name']: pool for pool in json.load(answer)['pools']}

    def load(self, path, requests=REQUESTS, more=(), how=('-k', '-c', str(CONNECTIONS))):
        done = subprocess.run(['ab', '-q', '-n', str(requests), *how, *more, self.at + path],
                              capture_output=True, text=True, timeout=100)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        numbers = {name: int(value)
                   for name, value in re.findall(r'^([A-Z][\w -]+):\s+(\d+)$', done.stdout, re.M)}
        self.assertEqual(numbers['Complete requests'], requests, done.stdout)
        self.assertEqual(numbers['Failed requests'], 0, done.stdout)

    # A second run of the same kind: its connections too find everything there.
    def check(self, path, more=()):
        for _ in range(3):  # warm: both workers have had most of the connections once
            self.load(path, 4 * CONNECTIONS, more)
            time.sleep(0.3)  # and have trimmed
        before = self.taken()
        self.assertGreater(before, 0, 'nothing is counted')
        self.load(path, more=more)
        self.assertEqual(self.taken() - before, 0, f'{path}: blocks from malloc for {REQUESTS} requests')

    def test_a_precompiled_answer_takes_nothing_from_malloc(self):
        self.check('/')

    def test_a_handler_takes_nothing_from_malloc(self):
        self.check('/json')

    def test_a_body_and_its_echo_take_nothing_from_malloc(self):
        with tempfile.NamedTemporaryFile() as body:
            body.write(b'x' * 3000)
            body.flush()
            self.check('/echo', ('-p', body.name))

    # Requests of 200 connections, and then a connection for each of some: a few batches of stacks for the
    # fibers of 200 would be more than 1 %. These come 20 at a time: the 200 that
    # come at once are more than a worker's cache of stacks holds, which is why they need batches.
    @unittest.skipIf(BUILD == 'debug', 'the pools of a debug build check each block, under their lock')
    def test_the_pools_hit(self):
        each_its_own = ('-c', '20')
        for _ in range(3):
            self.load('/json', 4 * CONNECTIONS)
            self.load('/json', 4 * CONNECTIONS, how=each_its_own)
            time.sleep(0.3)
        before = self.pools()
        self.load('/json')
        self.load('/json', 20 * CONNECTIONS, how=each_its_own)
        after = self.pools()
        used = []
        for name, pool in after.items():
            hits, misses = (pool[k] - before[name][k] for k in ('hits', 'misses'))
            self.assertEqual(pool['refused'], 0, pool)
            if hits + misses < CONNECTIONS:
                continue
            used.append(name)
            self.assertGreater(hits / (hits + misses), 0.99, f'{name}: {hits} hits, {misses} misses')
        # Not exchanges and their first blocks: each worker keeps those that it has.
        for name in ('http connections', 'http buffers of 1 KiB', 'receive buffers', 'fiber stacks',
                     'fiber control blocks'):
            self.assertIn(name, used)
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual((*self.server.communicate(timeout=20), self.server.returncode), ('', '', 0))


if __name__ == '__main__':
    unittest.main()
