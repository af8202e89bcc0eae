"""weft-httpd under full load with connections that come and go: no error, and memory that stays where it is.

Usage: soak_test.py PROGRAM BACKEND      10 million requests with WEFT_SOAK=1, else 200,000. Needs wrk.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
from served import serve  # noqa: E402

BACKEND = sys.argv.pop()
PROGRAM = sys.argv.pop()
REQUESTS = 10_000_000 if os.environ.get('WEFT_SOAK') == '1' else 200_000
GROWTH_MAX = 1 << 20  # bytes, in the second half
CONNECTIONS = 200

# Every twentieth request is the last of its connection.
CHURN = '''
local sent = 0
local last, others
init = function(args)
  others = {wrk.format(nil, "/"), wrk.format(nil, "/json"), wrk.format(nil, "/users/7")}
  wrk.headers["Connection"] = "close"
  last = wrk.format(nil, "/")
end
request = function()
  sent = sent + 1
  return sent % 20 == 0 and last or others[sent % 3 + 1]
end
'''


def resident_bytes(pid):
    with open(f'/proc/{pid}/statm') as statm:
        return int(statm.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


@unittest.skipUnless(shutil.which('wrk'), 'wrk is not installed')
class Soak(unittest.TestCase):
    def requests(self, seconds):
        """How many wrk has made, all of them answered 200."""
        done = subprocess.run(['wrk', f'-c{CONNECTIONS}', '-t1', f'-d{seconds}s', '-s', self.script, self.at],
                              capture_output=True, text=True, timeout=seconds + 60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn('Socket errors', done.stdout)
        self.assertNotIn('Non-2xx', done.stdout)
        return int(re.search(r'(\d+) requests in', done.stdout)[1])

    def test_stays_as_it_is(self):
        server, self.at = serve(self, PROGRAM, BACKEND)
        with tempfile.NamedTemporaryFile('w', suffix='.lua') as script:
            script.write(CHURN)
            script.flush()
            self.script = script.name
            made, halfway = 0, None
            while made < REQUESTS:
                made += self.requests(1 if REQUESTS < 1_000_000 else 10)
                if halfway is None and made >= REQUESTS / 2:
                    halfway = resident_bytes(server.pid)
            growth = resident_bytes(server.pid) - halfway
        print(f'{made} requests, {growth / 1024:.0f} KiB more than after half of them', file=sys.stderr)
        self.assertLessEqual(growth, GROWTH_MAX)
        server.send_signal(signal.SIGTERM)
        self.assertEqual((*server.communicate(timeout=30), server.returncode), ('', '', 0))


if __name__ == '__main__':
    unittest.main()
