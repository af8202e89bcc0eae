"""A table, a list of lines of cells, the first of which is its head: as text, or as Markdown."""


def text(table, left=1):
    """The first `left` columns begin at their left, the others end at their right."""
    return ''.join('  '.join(line).rstrip() + '\n' for line in padded(table, left))


def markdown(table, left=1):
    head, *lines = ['| ' + ' | '.join(line) + ' |\n' for line in padded(table, left)]
    dashes = ['-' * (w + 2) if i < left else '-' * (w + 1) + ':' for i, w in enumerate(widths(table))]
    return head + '|' + '|'.join(dashes) + '|\n' + ''.join(lines)


def widths(table):
    return [max(map(len, column)) for column in zip(*table, strict=True)]


def padded(table, left):
    columns = widths(table)
    return [[cell.ljust(w) if i < left else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, columns))]
            for line in table]


def number(x):
    """With three digits or four, which is more than any machine repeats."""
    return f'{x:.0f}' if x >= 1000 else f'{x:.1f}' if x >= 1 else f'{x:.3f}'
