#!/usr/bin/env python3
"""Checks what can be checked cheaply of the rules of the house. One line per breach: FILE:LINE: what is wrong

Without flags: layout, lengths, includes, words that must not be used, that every source is built and every
public header has an example, and that each header compiles alone. --format runs clang-format (--fix applies
it), --clang-tidy BUILD runs clang-tidy over the compile database of that build directory.

A rule yields to a reason written beside it:
    // long: REASON        in a file over 800 lines, or in or above a function over 70
    // real time: REASON   in a test that sleeps
    // root: WHERE TO       beside a catch (...): what becomes of the exception
    // std::atomic, ...    beside a std::atomic: why it is not weft's
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLUMNS, FILE_LINES, FUNCTION_LINES = 110, 800, 70
# Programs that were given, to run as they stand.
GIVEN = {f'tests/examples/{name}.cpp' for name in ('api', 'echo', 'embed', 'fetch', 'parallel', 'pipeline')}
# Left to right: a module includes itself and what stands before it.
MODULES = ('runtime/base', 'pools', 'runtime', 'io', 'net', 'http')
ROOTS = ('base', 'pools', 'runtime', 'io', 'net', 'http', 'all')

breaches = []


def breach(path, line, what):
    breaches.append(f'{path}:{line}: {what}')


def tracked():
    """Every file of the tree, relative to its root: what git knows or would add."""
    try:
        listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '--deduplicate'], cwd=ROOT,
                                text=True, capture_output=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):       # an archive without git
        listed = [str(p.relative_to(ROOT)) for p in ROOT.rglob('*')
                  if not p.relative_to(ROOT).parts[0].startswith(('build', '.git'))]
    return sorted(f for f in listed if (ROOT / f).is_file())


def module_of(path):
    """The module that a file belongs to; None outside the library."""
    return next((m for m in MODULES if path.startswith(m + '/')), None)


def blank(match):
    return re.sub(r'[^\n]', ' ', match.group())


def without_comments(text):
    """The text with comments and literals blanked, line numbers kept."""
    comments = r'//[^\n]*|/\*.*?\*/'
    strings = r'R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
    characters = r"(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'"         # not the separators of 1'000
    return re.sub(f'{comments}|{strings}|{characters}', blank, text, flags=re.S)


def line_of(text, position):
    return text.count('\n', 0, position) + 1


# --- one file

def check_text(path, text):
    """What holds for every text file."""
    # Written so that this file does not find itself.
    for match in re.finditer(r'(?<![\w.-])/(?:wor[k]|farm|hom[e]/\w|roo[t])/|bash_job[s]|/tm[p]/b-', text):
        breach(path, line_of(text, match.start()), f'a path of one machine: {match.group()}')
    if path.endswith(('.cpp', '.hpp', '.py', '.go', '.build')):
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > COLUMNS and 'http' not in line.split()[-1] and path not in GIVEN:
                breach(path, number, f'{len(line)} columns: more than {COLUMNS}')
            if line != line.rstrip():
                breach(path, number, 'space at the end of the line')
    if text and not text.endswith('\n'):
        breach(path, line_of(text, len(text)), 'no newline at the end of the file')


def functions(code):
    """(first line, last line) of each outermost function body, by its braces."""
    code = re.sub(r'^[ \t]*#(?:.*\\\n)*.*$', blank, code, flags=re.M)     # macros with their braces
    stack, head_start, found = [], 0, []
    inside = 0                                             # depth of function bodies: lambdas count as part
    for match in re.finditer(r'[{};]', code):
        at, mark = match.start(), match.group()
        if mark == '{':
            head = code[head_start:at]
            function = not inside and is_function(head)
            stack.append((function, line_of(code, at - len(head.lstrip()) if function else at)))
            inside += function
        elif mark == '}' and stack:
            function, first = stack.pop()
            if function:
                inside -= 1
                found.append((first, line_of(code, at)))
        if not inside or mark != ';':
            head_start = at + 1
    return found


def is_function(head):
    head = re.sub(r'^template\s*<.*?>\s*(?=class|struct|union)', '', head.strip(), flags=re.S)
    if re.match(r'(?:inline\s+)?(?:namespace|extern|class|struct|union|enum|concept)\b', head):
        return False
    return ')' in head and not re.search(r'=\s*$', head)


def check_lengths(path, text, code):
    lines = text.splitlines()
    if len(lines) > FILE_LINES and not re.search(r'// long: \w+', text):
        breach(path, 1, f'{len(lines)} lines: more than {FILE_LINES} ask for a `// long: reason`')
    for first, last in functions(code):
        if last - first + 1 > FUNCTION_LINES:
            if not any(re.search(r'// long: \w+', line) for line in lines[max(0, first - 6):last]):
                breach(path, first, f'a function of {last - first + 1} lines: more than {FUNCTION_LINES} ask '
                                    'for a `// long: reason`')


def check_header_shape(path, text, code):
    if not text.startswith('// '):
        breach(path, 1, 'a header begins with a paragraph: what it is, the invariant, the idea')
    if '#pragma once' not in text and not path.startswith('tools/precompiled/'):
        breach(path, 1, 'no #pragma once')
    literals = r'(?!\s+std::\w*literals)' if path.startswith('tests/') else ''
    for match in re.finditer(r'\busing\s+namespace\b' + literals, code):
        breach(path, line_of(code, match.start()), 'using namespace in a header')


def check_includes(path, text):
    module = module_of(path)
    own = path.removesuffix('.cpp') + '.hpp'
    includes = list(re.finditer(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', text, re.M))
    for match in includes:
        kind, included = match.groups()
        line = line_of(text, match.start(1))
        if kind == '"' and '..' in pathlib.PurePath(included).parts:
            breach(path, line, f'a quoted include with ..: {included}')
        if module is None:
            continue
        if kind == '"':
            breach(path, line, f'write <weft/module/file.hpp>: "{included}"')
        if not included.startswith('weft/'):
            continue
        other = module_of(included.removeprefix('weft/'))
        if other and MODULES.index(other) > MODULES.index(module):
            breach(path, line, f'{module} includes {other}, which is to its right')
        comes_first = match is includes[0] and path.endswith('.cpp')
        if comes_first and included != f'weft/{own}' and (ROOT / own).is_file():
            breach(path, line, f'<weft/{own}> is to come first')
        if included == 'weft/weft.hpp':
            breach(path, line, 'the convenience header is for users')


def check_words(path, text, code):
    """What must never be written."""
    lines = text.splitlines()

    def beside(line, marker):
        return any(marker in other for other in lines[max(0, line - 3):line + 2])

    for match in re.finditer(r'^\s*#\s*if\s+0\b', code, re.M):
        breach(path, line_of(code, match.end()), '#if 0')
    for match in re.finditer(r'\b(?:TODO|FIXME|XXX)\b(?!: \w+ \w+)', text):
        breach(path, line_of(text, match.start()), f'a {match.group()} without a reason')
    if path.startswith('tests/'):
        check_tests(path, text, code)
        return
    for match in re.finditer(r'\bcatch\s*\(\s*\.\.\.\s*\)', code):
        line = line_of(code, match.start())
        if (module_of(path) or path.startswith('tools/')) and not beside(line, '// root'):
            breach(path, line, 'catch (...) off the fiber root')
    if module_of(path) not in (None, 'runtime/base'):
        for match in re.finditer(r'\bstd::atomic(?!_signal_fence)\w*', code):  # that one is for handlers
            line = line_of(code, match.start())
            if not beside(line, '// std::atomic, '):
                breach(path, line, f'{match.group()}: all atomics go through <weft/runtime/base/atomic.hpp>')


def check_tests(path, text, code):
    if not re.search(r'// real time: \w+', text):
        sleeping = r'\bstd::this_thread::sleep\w*|\b(?:u|nano)?sleep\s*\(|\bclock_nanosleep\b'
        for match in re.finditer(sleeping, code):
            breach(path, line_of(code, match.start()), 'a test that sleeps for real: `// real time: reason`')
    for match in re.finditer(r'\bDISABLED_\w+', code):
        breach(path, line_of(code, match.start()), f'a disabled test: {match.group()}')
    for match in re.finditer(r'\bGTEST_SKIP\(\)\s*;', code):
        breach(path, line_of(code, match.start()), 'a test that skips without saying why')


# --- the whole tree

def check_sources_are_built(files):
    """Every .cpp is named in the meson.build of its folder, of one above, or of one that names its folder."""
    builds = {os.path.dirname(f): (ROOT / f).read_text() for f in files if f.endswith('meson.build')}

    def built(path):
        folder, name = os.path.split(path)
        for build_folder, text in builds.items():
            written = re.findall(r"'([^'\n]+)'", text)        # with or without .cpp: a foreach may add it
            if any(os.path.normpath(os.path.join(build_folder, w)) in (path, path.removesuffix('.cpp'))
                   for w in written):
                return True
            here = any(os.path.normpath(os.path.join(build_folder, w)) == folder for w in written)
            if here and name in written:                     # folder / 'name.cpp'
                return True
        return False

    for path in files:
        if path.endswith('.cpp') and not path.startswith('benchmarks/rivals/') and not built(path):
            breach(path, 1, 'no meson.build names it')


def public_names(text):
    """What a header declares in namespace weft, at the left margin."""
    code = re.sub(r'namespace (?:weft::)?detail \{.*?^\}', blank, without_comments(text), flags=re.S | re.M)
    names = re.findall(r'^(?:class|struct|enum class|concept)\s+(?:\[\[[^\]]*\]\]\s*)?(\w+)', code, re.M)
    names += re.findall(r'^(?:[\w:<>,.&*\[\]]+ )+&?\*?(\w+)\(', code, re.M)
    names += re.findall(r'^(?:using|concept) (\w+) =', code, re.M)
    return set(names + re.findall(r'^#define (WEFT_\w+)', text, re.M))


def check_examples(files):
    """Each header of weft.hpp has a name that some example uses."""
    words = set()
    for path in files:
        if path.startswith('tests/examples/') and path.endswith('.cpp'):
            words.update(re.findall(r'\w+', (ROOT / path).read_text()))
    umbrella = 'http/weft.hpp'
    if umbrella not in files:
        return
    for header in re.findall(r'#include <weft/([^>]+)>', (ROOT / umbrella).read_text()):
        if (ROOT / header).is_file() and not public_names((ROOT / header).read_text()) & words:
            breach(header, 1, 'a public header without an example under tests/examples')


def include_flags(path, roots):
    """The roots that a header of this file's module may see."""
    module = module_of(path)
    seen = ROOTS[:MODULES.index(module) + 1] if module else ROOTS
    flags = [f'-I{roots}/roots/{name}' for name in seen]
    return flags if module else flags + [f'-I{ROOT}/tests/support']


def compile_alone(path, roots):
    """None, or what the compiler said to a file that includes this header, twice, and nothing else."""
    module = module_of(path)
    line = f'#include <weft/{path}>\n' if module else f'#include "{ROOT / path}"\n'
    if path == 'http/weft.hpp':
        line, module = '#include <weft/weft.hpp>\n', None
    flags = ['-std=c++23', '-fsyntax-only', '-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-Werror']
    if '/sim/' in path:
        flags.append('-DWEFT_SIM')
    flags += include_flags(path if module else '', roots)
    done = subprocess.run([*os.environ.get('CXX', 'g++').split(), *flags, '-x', 'c++', '-'], input=line * 2,
                          text=True, capture_output=True, cwd=roots)
    if done.returncode == 0:
        return None
    return next((e for e in done.stderr.splitlines() if 'error' in e), done.stderr.strip())


def check_headers_compile(files):
    """Those without a source: others come first in theirs (check_includes), which clang-tidy reads."""
    headers = [f for f in files if f.endswith('.hpp') and (module_of(f) or f.startswith('tests/support/'))
               and f.removesuffix('.hpp') + '.cpp' not in files]
    with tempfile.TemporaryDirectory() as roots:
        subprocess.run([ROOT / 'tools' / 'include_roots', ROOT, roots], check=True)
        template = (ROOT / 'runtime/base/config.hpp.in').read_text()
        asm = '#define WEFT_CONTEXT_BOOST 0'
        config = re.sub(r'#mesondefine WEFT_VERSION', '#define WEFT_VERSION "tidy"', template)
        config = re.sub(r'#mesondefine WEFT_CONTEXT_BOOST', asm, config)
        target = pathlib.Path(roots, 'roots', 'base', 'weft', 'config.hpp')
        target.write_text(re.sub(r'#mesondefine (\w+)', r'#define \1 0', config))
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for path, said in zip(headers, pool.map(lambda h: compile_alone(h, roots), headers)):
                if said:
                    breach(path, 1, f'does not compile alone: {said}')
    return len(headers)


def check_rules(files):
    for path in files:
        try:
            text = (ROOT / path).read_text()
        except UnicodeDecodeError:
            continue
        if path != 'LICENSE':
            check_text(path, text)
        if not path.endswith(('.cpp', '.hpp')):
            continue
        code = without_comments(text)
        check_lengths(path, text, code)
        check_includes(path, text)
        check_words(path, text, code)
        if path.endswith('.hpp'):
            check_header_shape(path, text, code)
    check_sources_are_built(files)
    check_examples(files)


# --- the tools of others

def run_clang_format(files, fix):
    sources = [f for f in files if f.endswith(('.cpp', '.hpp')) and not f.startswith('tests/examples/')]
    if fix:
        return subprocess.run(['clang-format-19', '-i', *sources], cwd=ROOT).returncode
    for path in sources:
        wanted = subprocess.run(['clang-format-19', path], cwd=ROOT, text=True, capture_output=True).stdout
        have = (ROOT / path).read_text()
        if wanted != have:
            lines = zip(have.splitlines() + [''], wanted.splitlines() + [''])
            line = next((n for n, (a, b) in enumerate(lines, 1) if a != b), 1)
            breach(path, line, 'clang-format has it otherwise: tools/tidy.py --format --fix')
    return 0


def clang_tidy_one(build, database, source):
    done = subprocess.run(['clang-tidy-19', '-p', database, '--quiet', source], text=True,
                          capture_output=True, cwd=build)
    found = re.findall(r'^(\S+?):(\d+):\d+: (?:warning|error): (.*)$', done.stdout, re.M)
    return [(os.path.relpath(os.path.realpath(build / path), ROOT), int(line), what)
            for path, line, what in found]


def run_clang_tidy(build):
    """Over the library and the programs; tests are left to the compilers, whose warnings are errors."""
    build = (ROOT / build).resolve()
    database = build / 'compile_commands.json'
    if not database.is_file():
        sys.exit(f'tools/tidy.py: {database} is not there: configure that build directory with clang first')
    # Tests compile some of the library's sources once more, in their own way.
    commands = {}
    for entry in json.loads(database.read_text()):
        source = os.path.realpath(os.path.join(entry['directory'], entry['file']))
        path = os.path.relpath(source, ROOT)
        if (module_of(path) or path.startswith(('tools/', 'benchmarks/'))) \
                and not entry['output'].startswith('tests/'):
            commands[source] = entry
    sources = sorted(commands)
    with tempfile.TemporaryDirectory() as only:
        pathlib.Path(only, 'compile_commands.json').write_text(json.dumps(list(commands.values())))
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for found in pool.map(lambda s: clang_tidy_one(build, only, s), sources):
                for path, line, what in found:
                    if f'{path}:{line}: {what}' not in breaches:
                        breach(path, line, what)
    return len(sources)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--format', action='store_true',
                        help='only: is everything as clang-format-19 has it?')
    parser.add_argument('--fix', action='store_true', help='with --format: make it so')
    parser.add_argument('--clang-tidy', metavar='BUILD',
                        help='only: clang-tidy-19 over this build directory of clang')
    parser.add_argument('--quick', action='store_true', help='do not compile the headers')
    arguments = parser.parse_args()
    files = tracked()
    if arguments.format:
        if run_clang_format(files, arguments.fix):
            return 1
    elif arguments.clang_tidy:
        print(f'{run_clang_tidy(arguments.clang_tidy)} sources')
    else:
        check_rules(files)
        if not arguments.quick:
            print(f'{check_headers_compile(files)} headers compiled alone')
    for line in breaches:
        print(line)
    print(f'{len(breaches)} breaches')
    return 1 if breaches else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except FileNotFoundError as missing:
        sys.exit(f'tools/tidy.py: {missing.filename} is not there')
