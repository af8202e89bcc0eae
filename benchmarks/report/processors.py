"""Which processors a benchmark has, and how a program is bound to some of them."""
import os


def available():
    """Those that this process may run on, in order."""
    return sorted(os.sched_getaffinity(0))


def bind(cpus):
    """For subprocess: its preexec_fn."""
    return lambda: os.sched_setaffinity(0, cpus)
