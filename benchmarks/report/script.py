"""How a script begins and ends: its flags, its progress, and whatever stops it, in one line."""
import argparse
import os
import re
import signal
import sys

NAME = 'benchmarks/' + os.path.basename(sys.argv[0])


class Error(Exception):
    """Why a script cannot go on: one line, with the remedy."""


class Parser(argparse.ArgumentParser):
    """Of a script with this docstring; what is wrong with its arguments is one line."""

    def __init__(self, documentation):
        super().__init__(prog=NAME, description=documentation.split('\n\n')[0])

    def add_table(self, rows):
        """The flags of a script that prints a table of such rows."""
        self.add_argument('--filter', type=expression, default='', metavar='EXPRESSION',
                          help=f'only {rows} in which this is found')
        self.add_argument('--format', choices=('text', 'markdown', 'json'), default='text')

    def error(self, message):
        self.exit(2, f'{NAME}: {message}; see --help\n')


def at_least_one(text):
    """For Parser: a number of rounds or seconds."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f'{text!r} is no number from 1 on')
    return int(text)


def expression(text):
    """For Parser: a regular expression."""
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f'{text!r} is no regular expression: {error}') from None


def show(text):
    """What goes on, on the last line of a terminal; '' clears it."""
    if sys.stderr.isatty():
        print(f'\r\033[K{text}', end='', file=sys.stderr, flush=True)


def say(text):
    """A line for whoever runs the script, beside what it prints."""
    show('')
    print(text, file=sys.stderr, flush=True)


def run(main):
    """Ends with 1 after an error, with 130 after Ctrl-C; SIGTERM too lets main() end what it has started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except (Error, OSError) as error:
        show('')
        sys.exit(f'{NAME}: {error}')
    except KeyboardInterrupt:
        show('')
        sys.exit(130)
