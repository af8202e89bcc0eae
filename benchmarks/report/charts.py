"""Charts as SVG, which browsers and GitHub show, in light and in dark as the reader has it.

Neighbouring colours differ in lightness too, for whoever does not see hues.
"""
import html
import math
import typing

WIDTH = 760
LEFT = 12  # of titles
LINE = 18
BAR = 13
GLYPH = 7.2  # the widest that a digit of 12 px sans-serif is; a guess, on the safe side
COLORS = [('#2a78d6', '#4a94ee'), ('#e0662b', '#f08a55'), ('#1a9c68', '#3fc48e'), ('#b98700', '#d9ae33'),
          ('#c2508f', '#e07fb5'), ('#5d5fc4', '#9496ee'), ('#4a4a4a', '#c4c4c4'), ('#7a9a12', '#a8cc3c')]


class Axis(typing.NamedTuple):
    """From a value to its place; `unit` is its name and unit."""
    unit: str
    low: float
    high: float
    ticks: list
    logarithmic: bool
    begin: float
    end: float

    def at(self, value):
        scale = math.log10 if self.logarithmic else float
        low, high = scale(self.low), scale(self.high)
        return self.begin + (scale(value) - low) / (high - low) * (self.end - self.begin)


def axis(unit, values, begin, end, logarithmic=False):
    """Over all the values: from 0 on, or from one power of ten to another."""
    if logarithmic:
        first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        last = max(last, first + 1)
        ticks = [10.0 ** power for power in range(first, last + 1)]
    else:
        most = max(max(values, default=0), 1e-9)
        power = 10 ** math.floor(math.log10(most / 5))
        step = next(power * m for m in (1, 2, 5, 10) if most / (power * m) <= 5)
        ticks = [step * i for i in range(math.ceil(most / step - 1e-9) + 1)]
    return Axis(unit, ticks[0], ticks[-1], ticks, logarithmic, begin, end)


def number(x):
    return f'{x:,.0f}' if abs(x) >= 100 or x == int(x) else f'{x:.3g}'


def text(x, y, words, classes='', anchor='start', turned=False):
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ''
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{classes}" text-anchor="{anchor}"{turn}>'
            f'{html.escape(words)}</text>')


def line(x1, y1, x2, y2, classes='grid'):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{classes}"/>'


def style(count):
    def colors(which):
        chosen = [COLORS[i % len(COLORS)][which] for i in range(count)]
        return ''.join(f'.s{i}{{fill:{c};stroke:{c}}}' for i, c in enumerate(chosen))

    light = '.page{fill:#ffffff}text{fill:#1f2328}.soft{fill:#59636e}.grid{stroke:#d1d9e0}'
    dark = '.page{fill:#0d1117}text{fill:#f0f6fc}.soft{fill:#9198a1}.grid{stroke:#3d444d}'
    return ('<style>text{font:12px sans-serif}.title{font-weight:bold;font-size:14px}'
            f'.curve{{fill:none;stroke-width:2}}{light}{colors(0)}'
            f'@media(prefers-color-scheme:dark){{{dark}{colors(1)}}}.curve{{fill:none}}</style>')


def document(title, names, height, parts):
    """With its title, and a legend under it."""
    legend, x = [], LEFT
    for i, name in enumerate(names):
        legend += [f'<rect x="{x:.1f}" y="{LINE * 2 - 9}" width="10" height="10" class="s{i}"/>',
                   text(x + 15, LINE * 2, name)]
        x += 15 + GLYPH * len(name) + 18
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
            f'height="{height:.0f}" role="img"><title>{html.escape(title)}</title>')
    page = f'<rect width="{WIDTH}" height="{height:.0f}" class="page"/>'
    lines = [head, style(len(names)), page, text(LEFT, LINE, title, 'title'), *legend, *parts, '</svg>']
    return '\n'.join(lines) + '\n'


def bar_chart(title, unit, groups, series):
    """series: {name: [a value for each group, or None]}. Bars lie, so that the names of groups have room."""
    top = LINE * 3
    pitch = len(series) * (BAR + 2) + 10
    bottom = top + pitch * len(groups)
    values = [v for column in series.values() for v in column if v is not None]
    room = GLYPH * max((len(number(v)) for v in values), default=0) + 10
    begin = LEFT + GLYPH * max(map(len, groups), default=0) + 10
    x = axis(unit, values, begin, WIDTH - room)
    parts = []
    for tick in x.ticks:
        parts += [line(x.at(tick), top, x.at(tick), bottom),
                  text(x.at(tick), bottom + LINE, number(tick), 'soft', 'middle')]
    parts.append(text((x.begin + x.end) / 2, bottom + LINE * 2, unit, 'soft', 'middle'))
    for g, group in enumerate(groups):
        y = top + g * pitch + 5
        parts.append(text(begin - 8, y + (pitch - 10) / 2 + 4, group, '', 'end'))
        for i, column in enumerate(series.values()):
            if column[g] is None:
                continue
            at = y + i * (BAR + 2)
            parts += [f'<rect x="{begin:.1f}" y="{at}" width="{x.at(column[g]) - begin:.1f}" '
                      f'height="{BAR}" class="s{i}"/>',
                      text(x.at(column[g]) + 5, at + BAR - 2, number(column[g]))]
    return document(title, series, bottom + LINE * 2 + 10, parts)


def line_chart(title, x_unit, y_unit, series, log_x=False, log_y=False):
    """series: {name: [(x, y)]}; what grows over powers of ten is drawn by its logarithm."""
    top, bottom = LINE * 3, 360
    points = [p for column in series.values() for p in column]
    y = axis(y_unit, [p[1] for p in points], bottom, top, log_y)
    begin = LEFT + LINE + GLYPH * max(len(number(tick)) for tick in y.ticks) + 10
    x = axis(x_unit, [p[0] for p in points], begin, WIDTH - 30, log_x)
    parts = []
    for tick in x.ticks:
        parts += [line(x.at(tick), top, x.at(tick), bottom),
                  text(x.at(tick), bottom + LINE, number(tick), 'soft', 'middle')]
    for tick in y.ticks:
        parts += [line(begin, y.at(tick), x.end, y.at(tick)),
                  text(begin - 8, y.at(tick) + 4, number(tick), 'soft', 'end')]
    parts += [text((x.begin + x.end) / 2, bottom + LINE * 2, x_unit, 'soft', 'middle'),
              text(LEFT + 10, (top + bottom) / 2, y_unit, 'soft', 'middle', turned=True)]
    for i, column in enumerate(series.values()):
        places = [(x.at(px), y.at(py)) for px, py in column]
        drawn = ' '.join(f'{px:.1f},{py:.1f}' for px, py in places)
        parts.append(f'<polyline points="{drawn}" class="s{i} curve"/>')
        parts += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3.5" class="s{i}"/>' for px, py in places]
    return document(title, series, bottom + LINE * 2 + 10, parts)
