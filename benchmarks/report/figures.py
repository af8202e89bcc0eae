"""What many rounds say together. A ratio is taken within a round, so that both sides saw the same machine."""
import statistics
import typing


class Spread(typing.NamedTuple):
    median: float
    low: float
    high: float


def spread(values):
    values = list(values)
    return Spread(statistics.median(values), min(values), max(values))


def ratios(numerators, denominators):
    """Round by round."""
    return spread(n / d for n, d in zip(numerators, denominators, strict=True))
