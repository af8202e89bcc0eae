"""What weft says on stderr of a fiber that keeps its worker: on a busy machine that is no fault."""
import re


def without_stalls(errors):
    """`errors` (text or bytes) without such reports and their backtraces."""
    report = r'weft: .* has held up worker .*\n(  .*\n)*'
    return re.sub(report.encode() if isinstance(errors, bytes) else report, errors[:0], errors)
