"""Builds weft's programs and their rivals, quietly, with a log each."""
import json
import pathlib
import shutil
import subprocess
import sys

from report.script import Error

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / 'benchmarks'
RIVALS = BENCHMARKS / 'rivals'
# What a script may need, by its name on PATH, and Debian's package of it.
PACKAGES = {'ab': 'apache2-utils', 'wrk': 'wrk', 'go': 'golang-go', 'meson': 'meson', 'ninja': 'ninja-build',
            'cc': 'gcc', 'c++': 'g++'}


def need(*tools):
    """Names all that is missing at once."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        verb = 'is' if len(missing) == 1 else 'are'
        packages = ' '.join(PACKAGES[tool] for tool in missing)
        raise Error(f"{', '.join(missing)} {verb} missing: apt-get install {packages}")


class Builder:
    """Builds into a directory of meson, the rivals into its folder rivals/."""

    def __init__(self, directory):
        self.directory = (ROOT / directory).resolve()
        self.logs = self.directory / 'logs'
        self.rivals = self.directory / 'rivals'
        for folder in (self.logs, self.rivals):
            folder.mkdir(parents=True, exist_ok=True)

    def install(self, packages):
        """With Debian's means, what is missing of them; tools/install_packages says why it cannot."""
        installer = ROOT / 'tools' / 'install_packages'
        if subprocess.run([installer, self.logs / 'install-rivals.log', *packages]).returncode:
            sys.exit(1)

    def weft(self, target):
        """The program of that name in the build directory, which is set up if it is not."""
        if not (self.directory / 'build.ninja').exists():
            self._run(['meson', 'setup', self.directory, '-Dtests=false'], 'setup')
        elif target.startswith('benchmarks/'):
            self._run(['meson', 'configure', self.directory, '-Dbenchmarks=true'], 'setup')
        self._refuse_slow_builds()
        self._run(['ninja', '-C', self.directory, target], 'build-' + pathlib.Path(target).name)
        return self.directory / target

    def _refuse_slow_builds(self):
        listed = json.loads((self.directory / 'meson-info' / 'intro-buildoptions.json').read_text())
        options = {option['name']: option['value'] for option in listed}
        if options['optimization'] not in ('2', '3') or options['b_sanitize'] != 'none':
            raise Error(f"{self.directory} is built with -O{options['optimization']}, sanitizers: "
                        f"{options['b_sanitize']}; choose another directory with --build")

    def go(self, folder):
        """The program of benchmarks/rivals/FOLDER."""
        program = self.rivals / folder
        # Without what git says of the tree, which `go` fails for if the tree is another user's.
        self._run(['go', 'build', '-buildvcs=false', '-o', program, '.'], f'rival-{folder}', RIVALS / folder)
        return program

    def compiled(self, name, compiler, *arguments):
        """The program of a C or C++ compiler."""
        program = self.rivals / name
        self._run([compiler, *arguments, '-o', program], f'rival-{name}')
        return program

    def _run(self, command, name, directory=ROOT):
        log = self.logs / f'{name}.log'
        with open(log, 'w') as out:
            done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, cwd=directory)
        if done.returncode:
            text = log.read_text().splitlines()
            first = next((line for line in text if 'rror' in line), text[-1] if text else 'no output')
            raise Error(f'cannot build {name}: {first} (all of it: {log})')
