"""Who runs beside weft, and how each is tuned: as its own users would. What is missing is left out."""
import pathlib
import shutil
import subprocess
import tempfile
import typing

from report import building


class Rival(typing.NamedTuple):
    name: str  # in tables
    tuned: str
    package: str = ''  # Debian's, that it cannot be built or run without
    tool: str = ''  # on PATH, if it has come with that package
    header: str = ''  # or one that the compiler finds
    language: str = 'c++'

    def is_there(self):
        if self.tool:
            return shutil.which(self.tool) is not None
        return not self.header or finds(self.header, self.language)


WEFT = Rival('weft', 'release build, one worker')
# By the name of --rivals.
RIVALS = {
    'uring': Rival('raw io_uring', 'C, -O2: one thread, one ring with DEFER_TASKRUN, multishot accept, a '
                   'system call for all that is ready, TCP_NODELAY; no server, but the floor', 'liburing-dev',
                   header='liburing.h', language='c'),
    'epoll': Rival('raw epoll', 'C, -O2: one thread, level-triggered, TCP_NODELAY; no server, but a floor'),
    'libuv': Rival('libuv', 'C, -O2: one loop, a buffer per connection, uv_try_write() first, TCP_NODELAY',
                   'libuv1-dev', header='uv.h', language='c'),
    'asio': Rival('Boost.Asio', '-O2: io_context with concurrency hint 1, one thread, callbacks, TCP_NODELAY',
                  'libboost-dev', header='boost/asio.hpp'),
    'go': Rival('Go', 'GOMAXPROCS=1; a goroutine per connection, TCP_NODELAY as net sets it', 'golang-go',
                tool='go'),
    'nginx': Rival('nginx', 'one worker, no logs, `return 200`, keep-alive without end', 'nginx',
                   tool='nginx'),
    'h2o': Rival('h2o', 'one thread, no logs, a file of 13 bytes', 'h2o', tool='h2o'),
    'boost-context': Rival('Boost.Context', '-O2: a bare ring of fibers, no scheduler',
                           'libboost-context-dev', header='boost/context/fiber.hpp'),
    'boost-fiber': Rival('Boost.Fiber', '-O2: pooled stacks, round robin', 'libboost-fiber-dev',
                         header='boost/fiber/all.hpp'),
    'malloc': Rival('malloc', "-O2: glibc's"),
    'mimalloc': Rival('mimalloc', '-O2, as it comes', 'libmimalloc-dev', header='mimalloc.h', language='c'),
    'threads': Rival('thread pool', '-O2: threads that block, as many as are fastest'),
}


def finds(header, language):
    """Whether the compiler does."""
    compiler = {'c': 'cc', 'c++': 'c++'}[language]
    with tempfile.TemporaryDirectory(prefix='weft-header-') as where:
        source = pathlib.Path(where, 'source')
        source.write_text(f'#include <{header}>\n')
        return subprocess.run([compiler, '-E', '-x', language, source], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0


def present(wanted):
    """(those of them that are there, a line about each that is not)."""
    found = [key for key in wanted if RIVALS[key].is_there()]
    return found, [f'{RIVALS[key].name} is left out: apt-get install {RIVALS[key].package}'
                   for key in wanted if key not in found]


def c(builder, name, *libraries):
    """The program of benchmarks/rivals/NAME.c."""
    return builder.compiled(name, 'cc', '-O2', '-D_GNU_SOURCE', building.RIVALS / f'{name}.c', *libraries)


def cxx(builder, name, source=None, *more):
    """The program of benchmarks/rivals/SOURCE.cpp, or NAME.cpp."""
    return builder.compiled(name, 'c++', '-O2', '-DNDEBUG', '-std=c++20',
                            building.RIVALS / f'{source or name}.cpp', *more, '-pthread')
