"""A weft-httpd for one test."""
import os
import subprocess


def serve(case, program, backend, *flags, environment=None):
    """Starts it, with `environment` besides one's own; it ends with the test. Gives the process, and its URL.

    Skips the test if it is for io_uring and there is none.
    """
    # The flag decides which backend is used, not the environment.
    inherited = {k: v for k, v in os.environ.items() if k != 'WEFT_BACKEND'}
    server = subprocess.Popen([program, '--port', '0', '--backend', backend, *flags], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env=inherited | (environment or {}))
    case.addCleanup(server.communicate)
    case.addCleanup(server.kill)
    line = server.stdout.readline()
    if not line and backend == 'uring':
        errors = server.stderr.read()
        case.assertIn('--backend epoll', errors)
        case.skipTest(f'no io_uring here: {errors}')
    return server, line.split(' (')[0].partition('listening on ')[2]
