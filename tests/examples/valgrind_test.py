"""Examples under valgrind, with the backend that weft chooses there. Usage: valgrind_test.py EXAMPLE..."""
import shutil
import subprocess
import sys

SKIPPED = 77
FOUND = 99   # valgrind's exit status when it has something to say

if not shutil.which('valgrind'):
    print('valgrind is not installed')
    sys.exit(SKIPPED)
for example in sys.argv[1:]:
    done = subprocess.run(['valgrind', '-q', f'--error-exitcode={FOUND}', example], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode != 0:
        print(f'{example}: exit status {done.returncode}\n{done.stdout}{done.stderr}')
        sys.exit(1)
