#!/usr/bin/env python3
"""Runs an example and checks what it does. Usage: drive.py NAME PROGRAM [scaled]

scaled: the program counts less, as scaled() of tests/support/build_kind.hpp says.
"""
import concurrent.futures
import ctypes
import fcntl
import http.client
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'support'))
from stall_reports import without_stalls


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as s:
        return s.getsockname()[1]


def wait_until_listening(port, process):
    for _ in range(500):
        if process.poll() is not None:
            sys.exit(f'the server ended at once with {process.returncode}')
        try:
            socket.create_connection(('127.0.0.1', port), timeout=5).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.01)
    sys.exit('the server does not listen')


def wait_until_refused(port):
    """The server has heard of its signal: it listens no more."""
    for _ in range(500):
        try:
            socket.create_connection(('127.0.0.1', port), timeout=5).close()
            time.sleep(0.01)
        except OSError:
            return
    sys.exit('the server still listens')


def exactly(connection, size):
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            break
        parts += part
    return bytes(parts)


def client(port, number):
    """Twenty messages of all sizes, then a half-close: the server must end the connection too."""
    with socket.create_connection(('127.0.0.1', port), timeout=20) as c:
        for size in [1, 2, 100, 1023, 1024, 1025, 5000] * 3:
            message = os.urandom(size)
            c.sendall(message)
            if exactly(c, size) != message:
                raise AssertionError(f'client {number}: another message came back')
        c.shutdown(socket.SHUT_WR)
        if c.recv(1) != b'':
            raise AssertionError(f'client {number}: more than was sent came back')


def echo(program):
    """Load on all workers, then SIGTERM with connections open: exit status 0 within five seconds of drain."""
    port = free_port()
    server = subprocess.Popen([program, f'[::]:{port}'], stderr=subprocess.PIPE, text=True)
    try:
        wait_until_listening(port, server)
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            list(pool.map(lambda n: client(port, n), range(300)))

        second = subprocess.run([program, f'[::]:{port}'], capture_output=True, text=True, timeout=10)
        if second.returncode == 0 or 'in use' not in second.stderr:
            sys.exit(f'a second server on the port: {second.returncode}, {second.stderr!r}')

        idle = socket.create_connection(('127.0.0.1', port))       # never says anything: the drain cancels it
        busy = socket.create_connection(('127.0.0.1', port))
        busy.sendall(b'x')
        exactly(busy, 1)
        begin = time.monotonic()
        server.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        busy.sendall(b'y')
        if exactly(busy, 1) != b'y':
            sys.exit('a connection was cut during the drain')
        busy.close()
        status = server.wait(timeout=7)
        took = time.monotonic() - begin
        idle.close()
        if status != 0 or took > 6:
            sys.exit(f'exit status {status} after {took:.1f} s')
        errors = without_stalls(server.stderr.read())
        if errors:
            sys.exit(f'on stderr: {errors}')
    finally:
        server.kill()

    # A second signal during the drain ends it at once, as it always does.
    server = subprocess.Popen([program, f'127.0.0.1:{port}'])
    try:
        wait_until_listening(port, server)
        with socket.create_connection(('127.0.0.1', port)) as c:
            c.sendall(b'x')
            exactly(c, 1)
            server.send_signal(signal.SIGINT)
            wait_until_refused(port)
            server.send_signal(signal.SIGINT)
            if server.wait(timeout=2) != -signal.SIGINT:
                sys.exit(f'the second signal: exit status {server.returncode}')
    finally:
        server.kill()


def own_network():
    """From here on this process and its children have a loopback of their own, where every port is free.
    Where that is forbidden, they keep the machine's."""
    new_user, new_network, up = 0x10000000, 0x40000000, 1
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(new_network) != 0 and libc.unshare(new_user | new_network) != 0:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack('16sH14x', b'lo', up))   # SIOCSIFFLAGS


def http_get(port, path):
    """Status, body, response; over a connection of its own."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    try:
        connection.request('GET', path)
        response = connection.getresponse()
        return response.status, response.read(), response
    finally:
        connection.close()


def check_users(port):
    """What the database knows, and what the API answers by itself."""
    for path, expected in (('/users/1', 200), ('/users/9', 404), ('/users/x', 400), ('/users/2', 504),
                           ('/healthz', 200)):
        for _ in range(20):   # 504 where 100 ms were too short for a busy machine
            status, body, response = http_get(port, path)
            if status != 504 or expected == 504:
                break
        cache = response.getheader('cache-control')
        if path == '/users/1' and (body, cache) != (b'{"id":1}', 'no-store'):
            sys.exit(f'{path}: {status}, {body!r}, cache-control {cache}')
        if status != expected:
            sys.exit(f'{path}: {status}')


def check_events(port):
    """Each tick comes when it is written; then the client goes away without a word."""
    with socket.create_connection(('127.0.0.1', port), timeout=20) as c:
        c.sendall(b'GET /events HTTP/1.1\r\nHost: a\r\n\r\n')
        received = b''
        while received.count(b'data: tick\n\n') < 2:
            part = c.recv(1000)
            if not part:
                sys.exit(f'/events ended: {received!r}')
            received += part
        if b'content-type: text/event-stream\r\n' not in received.lower():
            sys.exit(f'/events: {received!r}')
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


def api(program):
    """Requests of every kind, some at once; then SIGTERM: exit status 0 well within the drain."""
    own_network()
    port = 8080
    with socket.socket() as s:
        if s.connect_ex(('127.0.0.1', port)) == 0:
            print(f'port {port} is taken')
            sys.exit(77)   # skipped
    server = subprocess.Popen([program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_until_listening(port, server)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            done = [pool.submit(check, port) for check in (check_users, check_users, check_events)]
        for d in done:
            d.result()
        server.send_signal(signal.SIGTERM)
        printed, errors = server.communicate(timeout=7)
        expected = ['connected to dbname=shop'] + ['user 1 was read'] * 2
        if (server.returncode, sorted(printed.splitlines()), errors) != (0, expected, ''):
            sys.exit(f'exit status {server.returncode}, {errors!r}, printed:\n{printed}')
    finally:
        server.kill()


class Pages(http.server.BaseHTTPRequestHandler):
    """Pages that say their own path, over connections that stay; `most` were asked for at once."""
    protocol_version = 'HTTP/1.1'
    lock = threading.Lock()
    paths, at_once, most = [], 0, 0

    def do_GET(self):
        with Pages.lock:
            Pages.paths.append(self.path)
            Pages.at_once += 1
            Pages.most = max(Pages.most, Pages.at_once)
        body = self.path.encode() * 1000
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        with Pages.lock:
            Pages.at_once -= 1
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def fetch(program):
    """A hundred pages of another's server, eight at a time; and one that nobody has ends it with an error."""
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        paths = [f'/page{i}' for i in range(100)]
        urls = [f'http://127.0.0.1:{server.server_port}{path}' for path in paths]
        prints(program, urls, [])
        if sorted(Pages.paths) != sorted(paths) or Pages.most > 8:
            sys.exit(f'{len(Pages.paths)} pages, at most {Pages.most} at once')
        dead = f'http://127.0.0.1:{free_port()}/'
        failed = subprocess.run([program, dead], capture_output=True, text=True, timeout=20)
        if (failed.returncode, failed.stdout, failed.stderr) != (1, '', 'fetch: Connection refused\n'):
            sys.exit(f'of a server that is not there: {failed}')
    finally:
        server.shutdown()


def io(program):
    """What goes in comes out, from a pipe and from a file."""
    data = os.urandom(300_000)
    if subprocess.run([program], input=data, capture_output=True, timeout=20).stdout != data:
        sys.exit('a pipe is not copied as it is')
    with open(program, 'rb') as file:
        copied = subprocess.run([program], stdin=file, capture_output=True, timeout=20).stdout
        if copied != pathlib.Path(program).read_bytes():
            sys.exit('a file is not copied as it is')


# What the others are called with, and the lines that they print: regular expressions.
PLAIN = {
    'address': (['127.0.0.1:80', '[2001:DB8:0::1]:443', '[fe80::1%lo]:22', ':8080'],
                [r'127\.0\.0\.1:80 +port 80, loopback', r'\[2001:db8::1\]:443 +port 443',
                 r'\[fe80::1%\d+\]:22 +port 22',
                 r'\[::\]:8080 +port 8080, every address of this machine']),
    'barrier': ([], ['after step 1: 7 0 1 2 3 4 5 6', 'after step 2: 6 7 0 1 2 3 4 5',
                     'after step 3: 5 6 7 0 1 2 3 4']),
    'tracing': ([], ['something was recorded: yes', 'tracing: a span', 'order: a span', 'GET: a span',
                     'GET /price: a span', 'look it up: a span', 'pack: a span']),
    'transfer': ([], ['sent 98890 bytes by sendfile', 'received 98890 bytes, 10000 lines',
                      'then: Broken pipe after 0 bytes', 'a block of 65536 bytes went by copying']),
    'batch': ([], ['8 pieces are full, the last one has 0 bytes', 'what was written came back: yes']),
    'broadcast': ([], ['heard 10', 'missed 6, then 6']),
    'block_pool': ([], ['at most 8 at once, 0 in use now, 1000 served']),
    'blocking': ([], ['counted to 10 meanwhile', r'9 \+ 16 = 25', '25 = 25']),
    'buffer': ([], ['10 bytes, first: 1']),
    'buffer_pool': ([], ['1000 squares, the last one 998001', 'never more than 8 buffers: yes',
                        'pinned: .+', '50000 of 65536 bytes, from a page on']),
    'byte_kernels': ([], ['7 words, 24 letters', 'Hello']),
    'bytes': ([], ['same memory: yes', r'kept: 21\.5']),
    'byte_view': ([], ['548 548 548']),
    'cancellation_shield': ([], ['goodbye: sent', 'talk: canceled', 'in the shield: deadline exceeded']),
    'channel': ([], ['warp', 'weft', 'selvedge', '16 letters', 'one more: closed']),
    'client': ([], ['Hello, World!', 'weft!', '3890 bytes in pieces', 'knock knock knock !', 'status 404',
                    'not sent: the scheme of the URL is not http, the only one there is',
                    'over 1 connection']),
    'cookie_jar': ([], [r'Who are you\?', r'You are known\.', '1 cookie: session=1234']),
    'condition_variable': ([], ['a bill', 'a postcard', 'nothing more: deadline exceeded']),
    'connection_pool': ([], [r'100 answers over [123] connections', 'used again: mostly']),
    'deadline': ([], ['at most 20 ms are left', 'deadline exceeded', 'expired: yes']),
    'debug_pages': ([], ['the waiter waits for an event']),
    'dining_philosophers': ([], ['5 philosophers had 1000 meals and 0 disputes']),
    'errc': ([], ['too slow: try again later', 'nobody is there']),
    'event': ([], ['one gave up: deadline exceeded', '1', '4', '9']),
    'events': ([], ['Set-Cookie: looker=you; Path=/; Max-Age=86400; HttpOnly; SameSite=Strict',
                    'data: tick 1', 'data: tick 2', 'data: tick 42']),
    'external_work': ([], ['no report while somebody may call', r'all fibers are asleep: .*',
                           r'  fiber \d+ "lonely" .*, waits for an event']),
    'fiber_local': ([], ['request 7 asks the database', 'request 8 asks the database',
                         'request 0 asks nobody']),
    'file': ([], ['6 lines, 138 bytes', r'the third line: entry \d of the journal',
                  'the other one has the lock: no',
                  'in whole pages, past the cache: (?:yes|not on this file system)']),
    'folder': ([], ['new: poem', 'new: list', '2 names', '2 lines', 'the folder is gone',
                    'nothing is left to watch']),
    'forms': ([], ['hello, you two', 'title: A cat', 'photo: 4 bytes']),
    'join_set': ([], ['100', '101', 'none: Connection refused', '2 are stopped']),
    'future': ([], ['not yet: deadline exceeded', 'the answer: 42', 'theirs too: 42', 'a broken promise']),
    'json': ([], [r'{"sum":6\.5}', 'Unprocessable Content', 'Bad Request']),
    'jwt': ([], ['subject: ada', 'touched: a token that was not signed with this key']),
    'latch': ([], ['3 are ready', 'the fourth is not: deadline exceeded', 'now it is']),
    'leaky_bucket': ([], ['4 written, 2 refused']),
    'line_reader': ([], ['5', '42', r'what\?']),
    'mpmc_queue': ([], ['4000 uses, fewer buffers']),
    'mutex': ([], ['6050', 'gave up: deadline exceeded']),
    'nursery': ([], ['10 pages: 10 downloaded', '20 pages: Connection reset by peer']),
    'object_pool': ([], ['100 orders cooked', '0 left, never more than 4']),
    'once_flag': ([], ['one failed: no wood', '2 attempts, 9 users: 378']),
    'oneshot': ([], ['9', '16']),
    'options': ([], [r'heard of: fiber .*options\.cpp.*nobody joins me']),
    'ping_pong': ([], ['100000 strokes']),
    'pipeline': ([], ['1000 rows, sum 500500']),
    'parallel_for': ([], ['9592 primes below 100000',
                          'not all were checked: Invalid or incomplete multibyte or wide character']),
    'race': ([], ['far: canceled', 'near has answered', 'or nobody: Connection refused']),
    'preemptible': ([], ['156159 takes 382 steps', '230631 takes 442 steps', 'the mean is 500.5']),
    'prime_sieve': ([], ['the 100th prime is 541']),
    'pool_resource': ([], ['99 squared is 9801', 'the sum is 50005000', '0 in use']),
    'rate_limiter': ([], ['5 steady requests: spread out', '5 bursty requests: 3 at once, 2 waited',
                          '3 more at once: at last']),
    'recursive_mutex': ([], ['100']),
    'ready': ([], ['from the channel: 42', 'from the pipe: hello']),
    'recursive_mutex': ([], ['100']),
    'result': (['42'], ['43']),
    'metrics': ([], ['3 calls, the median below a second: yes', 'weft_workers 1',
                     'weft_http_requests_total 4', 'running fibers: 1']),
    'response_cache': ([], ['computing the report of 2026', 'HTTP/1.1 200 OK', 'HTTP/1.1 200 OK',
                            'HTTP/1.1 200 OK', 'HTTP/1.1 304 Not Modified', '4 answers, 1 computed']),
    'retry': ([], ['42, at call 4', 'after 2 calls: Connection refused']),
    'runtime': ([], ['from a thread: 2', 'from main: 42']),
    'segmented_buffer': ([], ['head', 'a body that many responses share', 'end', r'copied: \d+ bytes']),
    'select': ([], ['sold for 12', 'idle: yes']),
    'semaphore': ([], ['20 downloads, never more than 3 at once', 'no turn: deadline exceeded']),
    'middleware': ([], ['HTTP/1.1 200 OK', 'HTTP/1.1 403 Forbidden', 'HTTP/1.1 200 OK',
                        'HTTP/1.1 401 Unauthorized', 'http: GET /machines/: out of order', 'logged: a 500',
                        'HTTP/1.1 500 Internal Server Error']),
    'server': ([], ['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK', 'HTTP/1.1 404 Not Found']),
    'shared_mutex': ([], ['ten readers saw 30 apples, now there are 13']),
    'shared_timed_mutex': ([], ['no catalogue today', 'page 1']),
    'signals': (['10'], ['signal 15: cleaning up']),
    'sliding_window': ([], ['12 requests took at least 20 ms']),
    'socket_options': ([], ['send buffer: 262144 bytes']),
    'spawn': ([], ['logger: nobody waits for me', '42']),
    'spsc_ring': ([], ['100000 samples, sum 5000050000']),
    'static_files': ([], [r'page.html is text/html; charset=utf-8', r'HTTP/1.1 200 OK',
                          r'HTTP/1.1 304 Not Modified', r'HTTP/1.1 206 Partial Content',
                          r'HTTP/1.1 404 Not Found']),
    'stop_reason': ([], ['shed ended by too much load', 'late ended by its deadline',
                         'sibling ended by the failure of a sibling', 'they ended by: .*protocol.*']),
    'task': ([], ['not yet: deadline exceeded', 'stopped: canceled',
                  'caught: an exception goes to whoever joins']),
    'task_arena': ([], ['4 words', '3 words']),
    'tcp_listener': ([], ['hello from behind the proxy']),
    'tcp_stream': ([], ['hello']),
    'this_fiber': ([], ['computed, then: canceled']),
    'thread_stack': ([], ['pi is 3.141592654, and 0 is zero']),
    'tunnel': ([], ['the proxy is asked: CONNECT mail.example.com:25 HTTP/1.1', '220 at your service',
                    '221 QUIT']),
    'tiered_pool': ([], ['100 bytes lie in 1024', '3000 bytes lie in 4096', '50000 bytes lie in 65536',
                        'another of 1048576: limit reached']),
    'timed_mutex': ([], ['the printer is busy']),
    'numa': ([], [r'2048 KiB on node \d+ of \d+|this process may not choose a node']),
    'pool_registry': ([], [r'messages: 1 in use, 0 hits, 1 misses, 0 refused',
                           r'fiber stacks: 1 in use, \d+ hits, \d+ misses, 0 refused',
                           r'fiber control blocks: \d+ in use, \d+ hits, \d+ misses, 0 refused',
                           r'receive buffers: 0 in use, \d+ hits, 0 misses, 0 refused']),
    'process': ([], ['apple', 'fig', 'pear', 'sort: exit status 0', 'sleep: deadline exceeded',
                     'sleep: ended by signal 15']),
    'restart': ([], ['the first has answered what it had at hand', 'the second: HTTP/1.1 200 OK']),
    'resolver': ([], [r'localhost:80:( \S+)+', '1 lookup, 10 answers from memory']),
    'udp_socket': ([], ['100 questions, 100 answers']),
    'unix_datagram': ([], ['somebody says: it rains', 'a client says: it snows', 'answer: noted']),
    'access_log': ([], [r'127\.0\.0\.1 - - \[.*\] "GET /hello HTTP/1\.1" 200 5 .*']),
    'leased_bytes': ([], ['100 answers']),
    'unix_stream': ([], ['here: 1 descriptor', r'it says: .+']),
    'unbounded_channel': ([], ['1000 lines']),
    'token_bucket': ([], ['50 requests took at least 20 ms', 'ten at once: yes', 'one more at once: no',
                          'one more within 1 ms: deadline exceeded']),
    'wait_group': ([], ['78498 primes']),
    'watch': ([], ['the last limit was 40', 'it is 40']),
    'timeouts': ([], ['attempt 1: deadline exceeded', 'attempt 2: deadline exceeded', 'in an hour: 42',
                      'at once: deadline exceeded', 'clean-up: done']),
    'wait_group': ([], ['78498 primes']),
    'when_all': ([], ['weft is 42', 'photo: .*supported.*']),
    'with_deadline': ([], ['in a minute: 6', 'in 4 ms: deadline exceeded', 'without one: 6']),
    'with_stop': ([], ['the wait: canceled', 'and then: as usual']),
    'worker_pool': ([], ['6171 takes 261 steps']),
    'work_stealing_deque': ([], ['all of it was done, once: 5000050000']),
}


def wait_until_caught(number, process):
    """The process has a handler for that signal."""
    for _ in range(1000):
        status = pathlib.Path(f'/proc/{process.pid}/status').read_text()
        if int(re.search(r'^SigCgt:\s*(\w+)', status, re.M)[1], 16) >> (number - 1) & 1:
            return
        time.sleep(0.01)
    sys.exit(f'signal {number} is not waited for')


def parallel(program):
    """All images, with progress; and Ctrl-C in the middle, which leaves with 130."""
    done = subprocess.run([program], capture_output=True, timeout=50)
    if done.returncode != 0 or without_stalls(done.stderr) or not re.search(rb'\r\d+/10000', done.stdout):
        sys.exit(f'exit status {done.returncode}, on stderr {done.stderr!r}, printed {done.stdout!r}')

    interrupted = subprocess.Popen([program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until_caught(signal.SIGINT, interrupted)
    interrupted.send_signal(signal.SIGINT)
    _, errors = interrupted.communicate(timeout=20)
    if interrupted.returncode != 130 or without_stalls(errors):
        sys.exit(f'interrupted: exit status {interrupted.returncode}, on stderr {errors!r}')


def graceful_shutdown(program):
    """What was queued is done, what hangs is given back, and that within the drain."""
    service = subprocess.Popen([program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        first = service.stdout.readline()
        wait_until_caught(signal.SIGTERM, service)
        begin = time.monotonic()
        service.send_signal(signal.SIGTERM)
        printed, errors = service.communicate(timeout=20)
        took = time.monotonic() - begin
        lines = sorted(printed.splitlines())
        expected = ['job 0: given back', *(f'job {i}: done' for i in range(1, 7)), 'too late: cancelled']
        ended = first, lines, without_stalls(errors), service.returncode
        if ended != ('working\n', expected, '', 0) or took < 0.5:
            sys.exit(f'after {took:.1f} s: exit status {service.returncode}, {errors!r}, printed:\n{printed}')
    finally:
        service.kill()


ON_STDERR = {'example_metrics': 'weft: 1 workers, .*'}  # what some say there


def plain(name, program):
    arguments, expected = PLAIN[name]
    prints(program, arguments, expected)


def prints(program, arguments, expected):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=50)
    printed = done.stdout.splitlines()
    # Lines of concurrent fibers may come in any order.
    found = [any(re.fullmatch(e, line) for line in printed) for e in expected]
    matched = len(printed) == len(expected) and all(found)
    said = re.fullmatch(ON_STDERR.get(os.path.basename(program), ''), without_stalls(done.stderr), re.DOTALL)
    if done.returncode != 0 or not said or not matched:
        sys.exit(f'exit status {done.returncode}, on stderr {done.stderr!r}, printed:\n{done.stdout}')


def fibers(program):
    shown = subprocess.run([program], capture_output=True, text=True, timeout=20)
    told = subprocess.run([program, 'json'], capture_output=True, text=True, timeout=20)
    for done in shown, told:
        if (done.returncode, without_stalls(done.stderr)) != (0, '3 wait for this fiber\n'):
            sys.exit(f'exit status {done.returncode}, on stderr {done.stderr!r}')
    for part in ('3 fibers, parked: waits for a mutex', '"cashier"', 'mutex::lock_slow', 'event::wait_slow'):
        if part not in shown.stdout:
            sys.exit(f'no {part!r} in:\n{shown.stdout}')
    all_ = json.loads(told.stdout)
    by_name = {f['name']: f for f in all_['fibers']}
    cashier, customer = by_name['cashier'], by_name['customer']
    functions = [frame['function'] for frame in all_['stacks'][customer['stack']]]
    if (cashier['phase'], cashier['waits_for'], customer['awaits']) != ('parked', 'an event', 1):
        sys.exit(f'wrong: {cashier} {customer}')
    if not any('lock_slow' in f for f in functions):
        sys.exit(f'{customer} waits in {functions}')


def stack_census(program):
    if scaled:  # sanitizers make frames larger
        return
    prints(program, [], [r'deep: 5 fibers, at most (68|72|76|80) KiB', r'flat: 50 fibers, at most (4|8) KiB'])


def result(program):
    plain('result', program)
    bad = subprocess.run([program, '4x'], capture_output=True, text=True, timeout=20)
    if (bad.returncode, bad.stdout, bad.stderr) != (1, '', 'result: Invalid argument\n'):
        sys.exit(f'of a bad number: {bad}')


def skynet(program):
    prints(program, [], [('100000' if scaled else '1000000') + ' leaves: right'])


if __name__ == '__main__':
    name, program, *build = sys.argv[1:]
    scaled = build == ['scaled']
    special = {'api': api, 'echo': echo, 'fetch': fetch, 'fibers': fibers,
               'graceful_shutdown': graceful_shutdown, 'io': io, 'parallel': parallel, 'result': result,
               'skynet': skynet, 'stack_census': stack_census}.get(name)
    special(program) if special else plain(name, program)
