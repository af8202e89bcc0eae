"""weft-httpd under load, by the tools that others measure with: curl, ab and wrk. A tool that is not
installed is skipped.

Usage: load_test.py PROGRAM BACKEND [PARTS]      PARTS: each run is that much shorter, for slow builds.
"""
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
from served import serve  # noqa: E402

PARTS = int(sys.argv.pop()) if len(sys.argv) > 3 else 1
BACKEND = sys.argv.pop()
PROGRAM = sys.argv.pop()

# 16 requests in one write, and again when all 16 are answered.
PIPELINE = '''
init = function(args)
  local all = {}
  for i = 1, 16 do all[i] = wrk.format(nil, i % 2 == 0 and "/" or "/json") end
  request_bytes = table.concat(all)
end
request = function() return request_bytes end
'''


def needs(tool):
    return unittest.skipUnless(shutil.which(tool), f'{tool} is not installed')


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, f'{command}: {done.returncode}, {done.stdout}{done.stderr}'
    return done.stdout


class Load(unittest.TestCase):
    def setUp(self):
        self.server, self.at = serve(self, PROGRAM, BACKEND)
        self.assertRegex(self.at, r'^http://127\.0\.0\.1:\d+$')

    # Each test ends with this: what came before has left the server able to end.
    def drains(self):
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual((*self.server.communicate(timeout=20), self.server.returncode), ('', '', 0))

    # What wrk printed: no answer but 200, no error of a socket.
    def check_wrk(self, text):
        self.assertNotIn('Socket errors', text)
        self.assertNotIn('Non-2xx', text)
        self.assertGreater(int(re.search(r'(\d+) requests in', text)[1]), 1000 // PARTS)

    @needs('curl')
    def test_curl_gets_each_route(self):
        for path, arguments, status, body in (
                ('/', [], '200 OK', 'Hello, World!'), ('/plaintext', [], '200 OK', 'Hello, World!'),
                ('/json', [], '200 OK', '{"message":"Hello, World!"}'), ('/healthz', [], '200 OK', 'ok\n'),
                ('/', ['-d', 'some text'], '200 OK', 'some text'),
                ('/echo', ['-d', 'x' * 5000], '200 OK', 'x' * 5000),
                ('/', ['--http1.0'], '200 OK', 'Hello, World!'),
                ('/nothing', [], '404 Not Found', None), ('/echo', [], '405 Method Not Allowed', None)):
            # Not in text mode, which would make \n of \r\n.
            answer = subprocess.run(['curl', '-sS', '-i', *arguments, self.at + path], capture_output=True,
                                    timeout=20, check=True).stdout.decode()
            head, _, text = answer.partition('\r\n\r\n')
            self.assertEqual(head.split('\r\n')[0], f'HTTP/1.1 {status}', path)
            self.assertRegex(head, r'\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT')
            if body is not None:
                self.assertEqual(text, body, path)
        self.drains()

    @needs('ab')
    def test_ab_has_no_failed_request(self):
        requests = 20_000 // PARTS
        text = output_of('ab', '-q', '-k', '-n', str(requests), '-c', '100', self.at + '/')
        numbers = {name: int(value) for name, value in re.findall(r'^([A-Z][\w -]+):\s+(\d+)$', text, re.M)}
        self.assertEqual(numbers['Complete requests'], requests, text)
        self.assertEqual(numbers['Keep-Alive requests'], requests, text)
        self.assertEqual(numbers['Failed requests'], 0, text)
        self.assertNotIn('Non-2xx', text)
        self.drains()

    @needs('wrk')
    def test_wrk_has_no_error_on_200_connections(self):
        self.check_wrk(output_of('wrk', '-t1', '-c200', '-d2s', self.at + '/'))
        self.drains()

    @needs('wrk')
    def test_wrk_has_no_error_with_pipelines_of_16(self):
        with tempfile.NamedTemporaryFile('w', suffix='.lua') as script:
            script.write(PIPELINE)
            script.flush()
            self.check_wrk(output_of('wrk', '-t1', '-c50', '-d1s', '-s', script.name, self.at))
        self.drains()


if __name__ == '__main__':
    unittest.main()
