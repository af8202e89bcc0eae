#!/usr/bin/env python3
"""Builds the configurations, runs every test on both I/O backends, counts the test cases. For tools/test.

A configuration is a build directory: its compiler, its meson options, and what its tests run under. Each
test executable runs once per backend (WEFT_BACKEND), or once if it is of the suite no_io, as `meson test`
would run it: its environment, its directory, its timeout, alone if it says so. GoogleTest's JSON report gives
the cases; an executable that leaves none (a script, a crash) counts as one.
Passing tests are quiet. The log of every step lies under build/logs/.
"""
import argparse
import concurrent.futures
import ctypes
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / 'build' / 'logs'
TAIL_LINES = 40       # of a failing test's output
SOAK_TIMEOUT = 20     # times the test's own timeout
NO_IO = ''            # the turn, and (no_io) the suite, of tests that use no backend: simulated ones, say


@dataclasses.dataclass(frozen=True)
class Configuration:
    name: str
    directory: str
    compiler: str = 'g++'
    options: tuple = ()
    backends: tuple = (NO_IO, 'epoll', 'uring')   # epoll always runs, and gives uring the number to skip
    slowness: int = 1                 # its timeouts are the tests' own, times this
    wrapper: tuple = ()               # what the executables run under
    environment: tuple = ()


# halt_on_error: the first report is the one to read. Leaks are looked for at the end of each executable.
ASAN = (('ASAN_OPTIONS', 'halt_on_error=1:detect_leaks=1:strict_string_checks=1'),
        ('UBSAN_OPTIONS', 'halt_on_error=1:print_stacktrace=1'))
TSAN = (('TSAN_OPTIONS', 'halt_on_error=1:second_deadlock_stack=1:history_size=4'),)
# Lines are all that a report needs of debug information.
SANITIZED = ('--buildtype=debugoptimized', '-Dbenchmarks=false', '-Db_lundef=false',
             '-Dcpp_args=-gline-tables-only')

RELEASE = Configuration('gcc-release', 'build')
EXTRA = (
    Configuration('gcc-debug-boost', 'build-gcc-debug-boost', slowness=4,
                  options=('--buildtype=debug', '-Dcontext=boost', '-Dbenchmarks=false', '-Dcpp_args=-g1')),
    Configuration('clang-asan', 'build-clang-asan', 'clang++-19', slowness=5, environment=ASAN,
                  options=SANITIZED + ('-Db_sanitize=address,undefined',)),
    Configuration('clang-tsan', 'build-clang-tsan', 'clang++-19', slowness=10, environment=TSAN,
                  options=SANITIZED + ('-Db_sanitize=thread',)),
    # The switch of the other processor, emulated: base and context only, which know no backend.
    Configuration('aarch64', 'build-aarch64', '', backends=(NO_IO,), slowness=10,
                  options=('--cross-file=tools/cross/aarch64.ini', '-Dbase_only=true'),
                  wrapper=('qemu-aarch64-static',)),
)
FUZZ = Configuration('fuzz', 'build-fuzz', 'clang++-19', environment=ASAN,
                     options=SANITIZED + ('-Db_sanitize=address,undefined', '-Dfuzzers=true',
                                          '-Dcpp_args=-gline-tables-only -fsanitize=fuzzer-no-link'))


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f'{self.passed} passed, {self.failed} failed, {self.skipped} skipped'


def say(text):
    clear_progress()
    print(text, flush=True)


def progress(text):
    """One line that the next one overwrites; nothing when the output is no terminal."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        print('\r\033[K' + text[:width], end='', flush=True)


def clear_progress():
    if sys.stdout.isatty():
        print('\r\033[K', end='')


def indented(lines):
    return '\n'.join('    ' + line for line in lines)


def tail(path, lines=TAIL_LINES):
    try:
        return indented(path.read_text(errors='replace').splitlines()[-lines:])
    except OSError:
        return '    (no output)'


def said_by(case, log):
    """What a GoogleTest case printed; what has none says how it ended in the log's last lines."""
    try:
        text = log.read_text(errors='replace')
    except OSError:
        return tail(log)
    own = re.search(rf'^\[ RUN      \] {re.escape(case)}\n(.*?^\[  FAILED  \] .*?$)', text, re.M | re.S)
    return indented(own[1].splitlines()[-TAIL_LINES:]) if own else tail(log)


def shown(path):
    return os.path.relpath(path, ROOT)


def processors():
    return len(os.sched_getaffinity(0))


# --- building

def run_logged(command, log, environment=None, on_line=None, timeout=None):
    """The exit status of the command, its output in `log`. Each line also goes to on_line."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, 'a', errors='replace') as out:
        out.write('$ ' + ' '.join(map(str, command)) + '\n')
        out.flush()
        process = subprocess.Popen([str(c) for c in command], cwd=ROOT, env=environment, text=True,
                                   errors='replace', stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   stdin=subprocess.DEVNULL)
        for line in process.stdout:
            out.write(line)
            if on_line:
                on_line(line)
    return process.wait(timeout)


def first_error(log):
    text = log.read_text(errors='replace').splitlines()
    errors = (line.strip() for line in text if re.search(r'\berror\b|FAILED', line, re.I))
    return next(errors, text[-1] if text else '')


def clean_environment():
    """Ours, without what would change what the tests see."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(('WEFT_', 'GTEST_'))}
    kept['LC_ALL'] = 'C.UTF-8'
    return kept


def set_up(configuration, log):
    """Makes the build directory, or brings the options of an existing one in line."""
    directory = ROOT / configuration.directory
    environment = clean_environment()
    if configuration.compiler:
        ccache = ['ccache'] if shutil.which('ccache') else []
        environment['CXX'] = environment.get('CXX', ' '.join(ccache + ['g++'])) if configuration is RELEASE \
            else ' '.join(ccache + [configuration.compiler])
        if configuration.compiler.startswith('clang') and shutil.which('ld.lld-19'):
            environment['CXX_LD'] = 'lld'       # links sanitized programs three times as fast
    if not (directory / 'build.ninja').exists():
        return run_logged(['meson', 'setup', directory, *configuration.options], log, environment)
    # tools/demo configures build/ without tests.
    options = configuration.options or ('-Dtests=true', '-Dbenchmarks=true')
    options = [o for o in options if o.startswith('-D')]
    return run_logged(['meson', 'configure', directory, *options], log, environment)


def build(configuration, targets=lambda: []):
    """False, and says why, if it cannot be built. `targets` is asked once it is configured; none: all."""
    log = LOGS / configuration.name / 'build.log'
    log.unlink(missing_ok=True)
    progress(f'{configuration.name}: configuring')
    what = 'configure'
    failed = set_up(configuration, log)
    if not failed:
        what = 'build'

        def show(line):
            if line.startswith('['):
                progress(f'{configuration.name}: {line.strip()}')
        # -k 0: the log then holds every error, not only the first.
        ninja = ['ninja', '-C', ROOT / configuration.directory, '-k', '0', *targets()]
        failed = run_logged(ninja, log, clean_environment(), show)
    if failed:
        say(f'FAILED  {configuration.name}: cannot {what}: {first_error(log)} (all of it: {shown(log)})')
    return not failed


# --- running

@dataclasses.dataclass
class Outcome:
    count: Count
    failures: list        # (name of the case, log)
    seconds: float = 0.0


def cases(report, log, name, status):
    """What the GoogleTest report says; without one, what the log says."""
    count, failures = Count(), []
    try:
        suites = json.loads(report.read_text())['testsuites']
    except (OSError, ValueError):
        text = log.read_text(errors='replace')
        count.passed = len(re.findall(r'^\[       OK \]', text, re.M))
        if status == 77:                                   # what meson takes for a skip
            count.skipped += 1
        elif status != 0:
            running = re.findall(r'^\[ RUN      \] (\S+)', text, re.M)
            failures.append((running[-1] if running else name, log))
        elif count.passed == 0:
            count.passed = 1
        count.failed = len(failures)
        return Outcome(count, failures)
    for suite in suites:
        for case in suite['testsuite']:
            if case.get('failures'):
                failures.append((f"{suite['name']}.{case['name']}", log))
            elif case.get('result') == 'SKIPPED':
                count.skipped += 1
            elif case.get('status') == 'RUN':
                count.passed += 1
    if status != 0 and not failures:             # a sanitizer's report, or a crash after the last case
        failures.append((f'{name} (exit status {status} after its last case)', log))
    count.failed = len(failures)
    return Outcome(count, failures)


def run_test(configuration, backend, test, soak):
    suite = test['suite'][0].split(':')[-1] if test['suite'] else ''
    stem = f'{suite}-{test["name"]}' if suite and suite != test['name'] else test['name']
    stem = re.sub(r'[^\w.-]', '_', stem)
    directory = LOGS / ('-'.join(filter(None, (configuration.name, backend))))
    log, report = directory / f'{stem}.log', directory / f'{stem}.json'
    report.unlink(missing_ok=True)
    environment = clean_environment() | dict(configuration.environment) | test['env']
    environment['GTEST_OUTPUT'] = f'json:{report}'
    environment['GTEST_COLOR'] = 'no'
    if backend:
        environment['WEFT_BACKEND'] = backend
    if soak:
        environment['WEFT_SOAK'] = '1'
    limit = (test['timeout'] or 86400) * configuration.slowness * (SOAK_TIMEOUT if soak else 1)
    start = time.monotonic()
    with open(log, 'w') as out:
        process = subprocess.Popen([*configuration.wrapper, *test['cmd']], env=environment, stdout=out,
                                   stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=True,
                                   cwd=test['workdir'] or ROOT / configuration.directory)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            out.write(f'\n*** no end after {limit} s: killed\n')
            status = 'timeout'
        try:                                               # the test's own children too
            os.killpg(process.pid, 9)
        except ProcessLookupError:
            pass
        process.wait()
    outcome = cases(report, log, test['name'], status)
    outcome.seconds = time.monotonic() - start
    return outcome


def introspect(configuration, what):
    command = ['meson', 'introspect', what, str(ROOT / configuration.directory)]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True)
    return json.loads(done.stdout)


def names(test):
    return {test['name'], *(s.split(':')[-1] for s in test['suite'])}


def turn_takes(backend, test):
    if (backend == NO_IO) != ('no_io' in names(test)):
        return False
    return test['env'].get('WEFT_BACKEND', backend) == backend     # some choose theirs themselves


def tests_of(configuration, wanted, soak):
    """What meson knows, the longest first."""
    tests = [t for t in introspect(configuration, '--tests') if soak or 'soak' not in names(t)]
    if wanted:
        tests = [t for t in tests if names(t) & set(wanted)]
    return sorted(tests, key=lambda t: -t['timeout'])


def report_failures(configuration, backend, outcome):
    """Each case with what it said; where its log is, once."""
    where = ', '.join(filter(None, (configuration.name, backend)))
    for name, log in outcome.failures:
        say(f'FAILED  {name} ({where})\n{said_by(name, log)}')
    for log in dict.fromkeys(log for _, log in outcome.failures):
        say(f'  all of it: {shown(log)}')


def run_all(configuration, backend, tests, arguments):
    """Runs the tests of one configuration on one backend."""
    total, done = Count(), 0
    (LOGS / ('-'.join(filter(None, (configuration.name, backend))))).mkdir(parents=True, exist_ok=True)
    label = ', '.join(filter(None, (configuration.name, backend)))
    start = time.monotonic()
    slowest = (0.0, '')

    def finished(test, outcome):
        nonlocal done, slowest
        done += 1
        total.add(outcome.count)
        slowest = max(slowest, (outcome.seconds, test['name']))
        if outcome.failures:
            report_failures(configuration, backend, outcome)
        progress(f'{label}: {done}/{len(tests)} executables, {total}')

    progress(f'{label}: 0/{len(tests)} executables')
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        running = {pool.submit(run_test, configuration, backend, t, arguments.soak): t
                   for t in tests if t['is_parallel']}
        for future in concurrent.futures.as_completed(running):
            finished(running[future], future.result())
    for test in tests:
        if not test['is_parallel']:
            finished(test, run_test(configuration, backend, test, arguments.soak))
    say(f'{label}: {total.passed + total.failed + total.skipped} tests: {total} '
        f'({time.monotonic() - start:.0f} s; longest: {slowest[1]}, {slowest[0]:.0f} s)')
    return total


def uring_refusal():
    """Why this machine has no io_uring that weft can use, None if it has: by trial, io_uring_setup(2)."""
    setup, parameters_size, flags_at = 425, 120, 8
    single_issuer, defer_taskrun = 1 << 12, 1 << 13
    parameters = ctypes.create_string_buffer(parameters_size)
    parameters[flags_at:flags_at + 4] = (single_issuer | defer_taskrun).to_bytes(4, sys.byteorder)
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.syscall(setup, 8, parameters)
    if descriptor < 0:
        return f'io_uring_setup: {os.strerror(ctypes.get_errno())}'
    os.close(descriptor)
    return None


def run_configuration(configuration, arguments, refusal):
    total = Count()
    if not build(configuration):
        return Count(failed=1)
    tests = tests_of(configuration, arguments.tests, arguments.soak)
    backends = [b for b in configuration.backends if b == NO_IO or arguments.backend in (None, b)]
    on_epoll = None
    for backend in backends:
        if backend == 'uring' and refusal:
            skipped = on_epoll.passed + on_epoll.failed + on_epoll.skipped if on_epoll else len(tests)
            say(f'{configuration.name}, uring: {skipped} tests skipped: no io_uring here ({refusal})')
            total.skipped += skipped
            continue
        chosen = [t for t in tests if turn_takes(backend, t)]
        if not chosen:
            continue
        counted = run_all(configuration, backend, chosen, arguments)
        on_epoll = counted if backend == 'epoll' else on_epoll
        total.add(counted)
    return total


# --- the other checks

def run_check(name, command, what):
    """One check, one test."""
    log = LOGS / f'{name}.log'
    log.unlink(missing_ok=True)
    progress(f'{name}: {what}')
    start = time.monotonic()
    if run_logged(command, log):
        say(f'FAILED  {name}: {what}\n{tail(log)}\n  all of it: {shown(log)}')
        return Count(failed=1)
    say(f'{name}: 1 test: 1 passed, 0 failed, 0 skipped ({time.monotonic() - start:.0f} s)')
    return Count(passed=1)


def run_clang_tidy():
    """Over the compile database of a build that is never made, so nothing may be precompiled in it."""
    clang = Configuration('clang-tidy', 'build-clang-tidy', 'clang++-19',
                          options=SANITIZED + ('-Db_sanitize=address,undefined', '-Db_pch=false'))
    log = LOGS / clang.name / 'setup.log'
    # A database that exists is not made anew by what changes its options.
    if set_up(clang, log) or run_logged(['ninja', '-C', clang.directory, 'build.ninja'], log):
        say(f'FAILED  clang-tidy: cannot configure: {first_error(log)} (all of it: {shown(log)})')
        return Count(failed=1)
    return run_check('clang-tidy', ['tools/tidy.py', '--clang-tidy', clang.directory], 'clang-tidy')


def run_fuzzers(seconds):
    """Each target for some seconds, from the inputs in tests/corpus/TARGET if there are any."""
    def targets():
        return [pathlib.Path(t['filename'][0]) for t in introspect(FUZZ, '--targets')
                if t['type'] == 'executable' and 'fuzz' in t['name']]

    if not build(FUZZ, lambda: [t.relative_to(ROOT / FUZZ.directory) for t in targets()]):
        return Count(failed=1)
    total = Count()
    start = time.monotonic()
    for target in targets():
        progress(f'fuzz: {target.name}, {seconds} s')
        found = LOGS / 'fuzz' / target.name
        found.mkdir(parents=True, exist_ok=True)
        log = LOGS / 'fuzz' / f'{target.name}.log'
        log.unlink(missing_ok=True)
        seeds = ROOT / 'tests' / 'corpus' / target.name
        command = [target, f'-max_total_time={seconds}', f'-artifact_prefix={found}/', '-timeout=10', found]
        if run_logged(command + ([seeds] if seeds.is_dir() else []), log, clean_environment() | dict(ASAN)):
            total.failed += 1
            say(f'FAILED  {target.name} (fuzz)\n{tail(log)}\n  all of it: {shown(log)}')
        else:
            total.passed += 1
    say(f'fuzz: {len(targets())} tests: {total} ({time.monotonic() - start:.0f} s)')
    return total


def parse_arguments():
    parts = [RELEASE.name, *(c.name for c in EXTRA), 'install', 'tidy', 'fuzz']
    parser = argparse.ArgumentParser(prog='tools/test',
                                     description='Installs what is missing, builds, runs every test.')
    parser.add_argument('tests', nargs='*', metavar='TEST',
                        help='only these executables or suites (meson test --list)')
    parser.add_argument('--all', action='store_true',
                        help='also debug with Boost.Context, clang ASan+UBSan and TSan, aarch64, fuzzers, '
                             'clang-tidy, clang-format')
    parser.add_argument('--soak', action='store_true',
                        help='long runs: WEFT_SOAK=1 for every test, and the suites named soak')
    parser.add_argument('--backend', choices=('uring', 'epoll'), help='only this one')
    parser.add_argument('--only', metavar='PART', action='append', default=[], choices=parts,
                        help='only this part, may be repeated: ' + ', '.join(parts))
    parser.add_argument('--jobs', type=int, default=processors(),
                        help='tests at a time (default: one per processor)')
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    # A shell starts what it runs in the background with SIGINT ignored, and our children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    LOGS.mkdir(parents=True, exist_ok=True)
    refusal = uring_refusal()
    total = Count()

    def wants(name, by_default):
        return name in arguments.only if arguments.only else by_default

    for configuration in (RELEASE, *EXTRA):
        if wants(configuration.name, configuration is RELEASE or arguments.all):
            total.add(run_configuration(configuration, arguments, refusal))
    whole = not arguments.tests
    if wants('install', whole):
        total.add(run_check('install', ['tools/install/check', RELEASE.directory],
                            'a program builds against what is installed'))
    if wants('tidy', whole):
        quick = [] if arguments.all or arguments.only else ['--quick']  # a minute of headers, one by one
        total.add(run_check('tidy', ['tools/tidy.py', *quick], 'the rules of the house'))
    if wants('tidy', whole and arguments.all):
        total.add(run_check('format', ['tools/tidy.py', '--format'], 'clang-format'))
        total.add(run_clang_tidy())
    if wants('fuzz', whole and arguments.all):
        total.add(run_fuzzers(600 if arguments.soak else 5))
    say(str(total))
    return 1 if total.failed else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        clear_progress()
        print('interrupted', file=sys.stderr)
        sys.exit(130)
    except FileNotFoundError as missing:
        print(f'tools/test: {missing.filename} is not there', file=sys.stderr)
        sys.exit(1)
