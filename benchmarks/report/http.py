"""HTTP/1.1 servers that answer "Hello, World!", and the loads on them.

wrk; ab where every request has a connection of its own. The raw loops answer a constant: they look for the
end of a head and for nothing else.
"""
import pathlib

from report import load, rivals

RIVALS = ('uring', 'epoll', 'go', 'nginx', 'h2o')
TOOLS = ('wrk', 'ab')
# Name, connections, requests per write; 0: a connection per request.
SCENARIOS = [('keep-alive, 10', 10, 1), ('keep-alive, 100', 100, 1), ('keep-alive, 1000', 1000, 1),
             ('16 pipelined, 10', 10, 16), ('16 pipelined, 100', 100, 16), ('no keep-alive, 100', 100, 0)]
NGINX = """daemon off; master_process off; worker_processes 1; error_log /dev/null; pid {where}/nginx.pid;
events {{ worker_connections 20000; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 75s; default_type text/plain;
server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "Hello, World!"; }} }} }}
"""
H2O = """num-threads: 1
max-connections: 20000
hosts:
  default:
    listen: {{host: 127.0.0.1, port: {port}}}
    paths:
      "/": {{file.dir: {where}/h2o}}
access-log: /dev/null
error-log: /dev/null
"""


def commands(builder, wanted, where):
    """{name: from a port to a command}; files that servers need are made in the folder `where`."""
    def configured(program, text):
        def command(port):
            where.chmod(0o755)  # h2o's files, read by another user
            (where / 'h2o').mkdir(exist_ok=True)
            (where / 'h2o' / 'index.html').write_text('Hello, World!')
            file = pathlib.Path(where, program + '.conf')
            file.write_text(text.format(port=port, where=where))
            return [program, '-c', file]

        return command

    def given_port(program):
        return lambda port: [program, port]

    weft = builder.weft('tools/weft-httpd')
    made = {'weft': lambda port: [weft, '--workers', '1', '--port', port, '--max-connections', '20000']}
    makers = {'uring': lambda: given_port(rivals.c(builder, 'http_uring', '-luring')),
              'epoll': lambda: given_port(rivals.c(builder, 'http_epoll')),
              'go': lambda: given_port(builder.go('go_http')),
              'nginx': lambda: configured('nginx', NGINX), 'h2o': lambda: configured('h2o', H2O)}
    return made | {rivals.RIVALS[key].name: makers[key]() for key in RIVALS if key in wanted}


def loaded(connections, depth, seconds):
    """For serving.measure()."""
    def run(port, cpus):
        url = f'http://127.0.0.1:{port}/'
        if depth == 0:
            return load.ab(url, 4000 * seconds, connections, False, cpus)
        return load.wrk(url, 1, connections, seconds, cpus, depth)

    return run
