"""weft-httpd as its users meet it: flags, what it prints, routes, signals, exit statuses.

Usage: httpd_test.py PROGRAM
"""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from stall_reports import without_stalls

PROGRAM = sys.argv.pop()
os.environ.pop("WEFT_BACKEND", None)  # the flags decide, not the environment of the test run


def run(*flags):
    """Of a start that is to fail: exit status, lines of stderr."""
    done = subprocess.run([PROGRAM, *flags], capture_output=True, text=True, timeout=20)
    return done.returncode, done.stderr.splitlines()


class Refused(Exception):
    """The server did not start; what it said."""


class Server:
    def __init__(self, *flags):
        self.process = subprocess.Popen([PROGRAM, "--port", "0", *flags], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.line = self.process.stdout.readline()
        if not self.line:
            raise Refused(self.process.communicate(timeout=20)[1])
        self.port = int(self.line.split(" (")[0].rpartition(":")[2])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        answer = response.status, response.read().decode(), response
        connection.close()
        return answer

    def stop(self, number):
        """Its status, and what it has said; not that a busy machine held it up."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, without_stalls(err)


class Httpd(unittest.TestCase):
    def check_what_it_says(self, backend, name):
        for number in (signal.SIGINT, signal.SIGTERM):
            with Server("--backend", backend, "--workers", "2") as s:
                self.assertEqual(
                    s.line, f"weft-httpd: listening on http://127.0.0.1:{s.port} (2 workers, {name})\n")
                self.assertEqual(s.ask("GET", "/")[0], 200)
                self.assertEqual(s.stop(number), (0, "", ""))

    def test_says_where_it_listens_and_nothing_else_with_epoll(self):
        self.check_what_it_says("epoll", "epoll")

    def test_says_where_it_listens_and_nothing_else_with_io_uring(self):
        try:
            self.check_what_it_says("uring", "io_uring")
        except Refused as why:  # as the server itself says: the machine has none
            self.assertIn("--backend epoll", str(why))
            self.skipTest(str(why))

    def test_serves_its_routes(self):
        with Server() as s:
            for path in ("/", "/plaintext"):
                self.assertEqual(s.ask("GET", path)[:2], (200, "Hello, World!"))
            self.assertEqual(s.ask("GET", "/json")[:2], (200, '{"message":"Hello, World!"}'))
            self.assertEqual(s.ask("GET", "/json")[2].getheader("Content-Type"), "application/json")
            for path in ("/", "/echo"):
                self.assertEqual(s.ask("POST", path, "some text")[:2], (200, "some text"))
            html = s.ask("POST", "/", "<p>", {"Content-Type": "text/html"})[2]
            self.assertEqual(html.getheader("Content-Type"), "text/html")
            self.assertEqual(s.ask("GET", "/healthz")[:2], (200, "ok\n"))
            self.assertEqual(s.ask("HEAD", "/")[:2], (200, ""))
            self.assertEqual(s.ask("GET", "/nothing")[0], 404)
            status, _, response = s.ask("DELETE", "/echo")
            self.assertEqual((status, response.getheader("Allow")), (405, "POST, OPTIONS"))

    def test_shows_what_handlers_can_do(self):
        with Server() as s:
            self.assertEqual(s.ask("GET", "/users/42")[:2], (200, '{"id":42,"name":"user 42"}'))
            self.assertEqual(s.ask("GET", "/users/x")[0], 400)
            self.assertEqual(s.ask("GET", "/sleep?ms=20")[:2], (200, "slept 20 ms\n"))
            for path in ("/sleep?ms=-1", "/sleep?ms=60001", "/cpu?ms=x"):
                self.assertEqual(s.ask("GET", path)[0], 400)
            self.assertRegex(s.ask("GET", "/cpu?ms=1")[1], r"^\d+ numbers, the last \d+\n$")
            self.assertEqual(s.ask("POST", "/upload", b"x" * 3_000_000)[:2], (200, "3000000 bytes\n"))
            self.assertIn("EventSource", s.ask("GET", "/demo")[1])
            connection = http.client.HTTPConnection("127.0.0.1", s.port, timeout=10)
            connection.request("GET", "/events", headers={"Last-Event-ID": "6"})
            response = connection.getresponse()
            self.assertEqual(response.getheader("Content-Type"), "text/event-stream")
            self.assertEqual([response.fp.readline() for _ in range(4)][1:3], [b"id: 7\n", b"data: tick\n"])
            connection.close()

    def test_serves_the_files_of_a_directory(self):
        with tempfile.TemporaryDirectory() as root:
            pathlib.Path(root, "a b.txt").write_text("some text")
            with Server("--root", root) as s:
                status, body, response = s.ask("GET", "/a%20b.txt")
                self.assertEqual((status, body), (200, "some text"))
                self.assertEqual(response.getheader("Content-Type"), "text/plain; charset=utf-8")
                self.assertEqual(s.ask("GET", "/a%20b.txt", headers={"Range": "bytes=5-"})[:2], (206, "text"))
                self.assertIn("a b.txt", s.ask("GET", "/")[1])
                self.assertEqual(s.ask("GET", "/../etc/passwd")[0], 404)
                self.assertEqual(s.ask("GET", "/json")[0], 200)
        self.assertEqual(run("--root", "/nothing/here")[0], 2)

    def test_logs_its_requests(self):
        with tempfile.TemporaryDirectory() as where:
            log = pathlib.Path(where, "log")
            for form, line in (("common", r'^127\.0\.0\.1 - - \[.*\] "GET /json HTTP/1\.1" 200 27$'),
                               ("combined", r'"GET /json HTTP/1\.1" 200 27 "-" "-"$'),
                               ("json", r'"target":"/json","status":200,')):
                with Server("--access-log", log, "--log-format", form) as s:
                    self.assertEqual(s.ask("GET", "/json")[0], 200)
                    self.assertEqual(s.stop(signal.SIGTERM), (0, "", ""))
                self.assertRegex(log.read_text().splitlines()[-1], line)
            self.assertEqual(len(log.read_text().splitlines()), 3)
        status, said = run("--access-log", "/nothing/here")
        self.assertEqual(status, 2)
        self.assertIn("No such file", said[0])

    def test_believes_a_proxy_if_it_is_told_to(self):
        with tempfile.TemporaryDirectory() as where:
            log = pathlib.Path(where, "log")
            with Server("--proxy-protocol", "--access-log", log, "--log-format", "common") as s:
                request = b"GET /json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

                def said_to(header):
                    with socket.create_connection(("127.0.0.1", s.port), timeout=10) as connection:
                        connection.sendall(header + request)
                        return b"".join(iter(lambda: connection.recv(1000), b""))
                self.assertIn(b"200 OK", said_to(b"PROXY TCP4 192.0.2.7 198.51.100.8 1234 443\r\n"))
                self.assertIn(b"200 OK", said_to(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" +
                                                 bytes([192, 0, 2, 8, 198, 51, 100, 8, 4, 0, 1, 187])))
                self.assertEqual(said_to(b""), b"")
                status, _, err = s.stop(signal.SIGTERM)
                self.assertEqual((status, err.count("\n")), (0, 1), err)
                self.assertIn("PROXY header", err)
            self.assertEqual([line.split()[0] for line in log.read_text().splitlines()],
                             ["192.0.2.7", "192.0.2.8"])

    @unittest.skipIf(shutil.which("curl") is None, "curl is not there")
    def test_understands_the_header_of_curl(self):
        with tempfile.TemporaryDirectory() as where:
            log = pathlib.Path(where, "log")
            with Server("--proxy-protocol", "--access-log", log, "--log-format", "common") as s:
                url = f"http://127.0.0.1:{s.port}/json"
                answer = subprocess.check_output(["curl", "-sS", "--haproxy-protocol", url], timeout=20)
                self.assertEqual(answer, b'{"message":"Hello, World!"}')
                without = subprocess.run(["curl", "-sS", url], capture_output=True, timeout=20)
                self.assertEqual((without.returncode, without.stdout), (52, b""))  # an empty reply
                self.assertEqual(s.stop(signal.SIGTERM)[0], 0)
            self.assertEqual([line.split()[0] for line in log.read_text().splitlines()], ["127.0.0.1"])

    def test_cuts_off_a_body_that_comes_too_slowly(self):
        head = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"
        with Server("--request-seconds", "1", "--body-rate", "0") as s:  # then there is the time in all
            with socket.create_connection(("127.0.0.1", s.port), timeout=10) as slow:
                slow.sendall(head)
                self.assertIn(b"HTTP/1.1 408 ", slow.recv(1000))
        with Server("--request-seconds", "0", "--grace-seconds", "0") as s:
            with socket.create_connection(("127.0.0.1", s.port), timeout=10) as slow:
                slow.sendall(head)
                self.assertIn(b"HTTP/1.1 408 ", slow.recv(1000))

    def test_shows_its_debug_pages_if_it_is_to(self):
        with Server() as s:
            self.assertEqual(s.ask("GET", "/debug/pools")[0], 404)
        with Server("--debug-pages") as s:
            status, body, response = s.ask("GET", "/debug/pools")
            self.assertEqual((status, response.getheader("Content-Type")), (200, "application/json"))
            pools = {pool["name"]: pool for pool in json.loads(body)["pools"]}
            self.assertEqual(pools["http connections"]["in_use"], 1)
            self.assertEqual(pools["http connections"]["limit"], 10_000)
            self.assertEqual(pools["http exchanges"]["in_use"], 1)
            self.assertGreaterEqual(pools["fiber stacks"]["in_use"], 1)
            self.assertGreaterEqual(pools["fiber control blocks"]["high_water"], 1)
            self.assertIsNone(pools["http buffers of 4 KiB"]["limit"])
            self.assertIn("<title>", s.ask("GET", "/debug/")[1])
            metrics = s.ask("GET", "/debug/metrics")[1]
            self.assertRegex(metrics, r'(?m)^weft_fibers_spawned_total [1-9]')
            self.assertRegex(metrics, r'(?m)^weft_http_requests_total [1-9]')

    def test_pins_its_workers(self):
        cpus = sorted(os.sched_getaffinity(0))
        with Server("--pin", "--workers", str(len(cpus))) as s:
            self.assertEqual(s.ask("GET", "/")[0], 200)
            tasks = f"/proc/{s.process.pid}/task"
            bound = {}
            for task in os.listdir(tasks):
                with open(f"{tasks}/{task}/comm") as name:
                    title = name.read().strip()
                if re.fullmatch(r"weft-\d+", title):
                    bound[int(title[5:])] = os.sched_getaffinity(int(task))
            self.assertEqual(bound, {i: {cpu} for i, cpu in enumerate(cpus)})

    def test_says_that_there_is_one_numa_node(self):
        has_memory = "/sys/devices/system/node/has_memory"
        if os.path.exists(has_memory):  # else the kernel knows of no nodes, which is one
            with open(has_memory) as nodes:
                if re.search("[-,]", nodes.read()):
                    self.skipTest("there are several")
        with Server("--memory", "numa_aware", "--memory", "pooled") as s:  # the last one counts
            self.assertEqual(s.stop(signal.SIGTERM)[2], "")
        with Server("--memory", "numa_aware") as s:
            self.assertEqual(s.ask("GET", "/")[0], 200)
            status, _, err = s.stop(signal.SIGTERM)
            self.assertEqual(status, 0)
            self.assertEqual(err.count("\n"), 1, err)
            self.assertIn("one NUMA node", err)

    def test_ends_while_connections_are_open(self):
        with Server() as s:
            open_connections = []
            for _ in range(2):
                open_connections.append(socket.create_connection(("127.0.0.1", s.port)))
                open_connections[-1].sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertIn(b"200 OK", open_connections[-1].recv(1000))
            idle, begun = open_connections
            begun.sendall(b"GET / HTTP/1.1\r\n")
            s.process.send_signal(signal.SIGTERM)
            self.assertEqual(idle.recv(1), b"")
            begun.sendall(b"Host: a\r\n\r\n")
            answer = begun.recv(1000)
            self.assertIn(b"200 OK", answer)
            self.assertIn(b"Connection: close\r\n", answer)
            for connection in open_connections:
                connection.close()
            self.assertEqual(s.process.wait(20), 0)

    def test_refuses_bad_flags_in_one_line(self):
        for flags in (["--nonsense"], ["extra"], ["--port"], ["--port", "x"], ["--port", "65536"],
                      ["--port=-1"], ["--workers", "1025"], ["--backend", "kqueue"],
                      ["--host", "example.org"], ["--host", "1.2.3"], ["--max-connections", "0"],
                      ["--drain-seconds", "1.5"], ["--body-rate", "-1"], ["--memory", "much"], ["--pin=1"],
                      ["--listen", "8080"], ["--listen", "unix:"], ["--listen", "fd:x"]):
            status, lines = run(*flags)
            self.assertEqual((status, len(lines)), (2, 1), (flags, lines))
            self.assertTrue(lines[0].startswith("weft-httpd: "), lines)

    def test_says_what_to_do_when_it_cannot_listen(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            status, lines = run("--port", str(port))
            self.assertEqual((status, len(lines)), (2, 1), lines)
            self.assertIn("in use", lines[0])
            self.assertIn("--port", lines[0])
        status, lines = run("--host", "203.0.113.7", "--port", "0")
        self.assertEqual((status, len(lines)), (2, 1), lines)
        self.assertIn("--host", lines[0])

    def test_says_which_forced_backend_it_does_not_know(self):
        done = subprocess.run([PROGRAM, "--port", "0"], capture_output=True, text=True, timeout=20,
                              env={**os.environ, "WEFT_BACKEND": "kqueue"})
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
        self.assertIn('WEFT_BACKEND is "kqueue"', done.stderr)
        self.assertIn("epoll", done.stderr)

    @unittest.skipIf(os.geteuid() == 0 and not os.path.exists("/usr/bin/setpriv"), "setpriv is not there")
    def test_says_what_to_do_about_privileged_ports(self):
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as limit:
            if int(limit.read()) <= 81:
                self.skipTest("no port is privileged here")
        without = []
        if os.geteuid() == 0:
            without = ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"]
        done = subprocess.run([*without, PROGRAM, "--port", "81"], capture_output=True, text=True,
                              timeout=20)
        self.assertEqual(done.returncode, 2)
        self.assertIn("privileged", done.stderr)

    def test_helps(self):
        done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=20)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for flag in ("--host", "--port", "--listen", "--workers", "--backend", "--max-connections",
                     "--drain-seconds", "--body-rate", "--grace-seconds", "--pin",
                     "--memory", "--debug-pages", "--proxy-protocol", "--help", "--version"):
            self.assertIn(flag, done.stdout)
        done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, timeout=20)
        self.assertRegex(done.stdout, r"^weft-httpd \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main()
