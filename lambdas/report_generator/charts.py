"""Charts of a day as SVG within the page: no script, nothing remote, and the same bytes for the same figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Any

_WIDTH = 720
_COLOUR, _LINE, _TEXT = "#2563eb", "#e2e8f0", "#475569"
_PLOT_HEIGHT = 160
_LEFT, _TOP, _BOTTOM = 90, 16, 26
_ROW = 26
_LABEL, _VALUE = 190, 130
_LABEL_CHARACTERS = 24
_MAX_ROWS = 10
_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


def hours(code: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """Draw the revenue of each hour of the day as a column; nothing for a day without revenue.

    Args:
        code: The currency.
        entries: `by_hour` of the report.
    """
    values = [Decimal(entry["gross"]) for entry in entries]
    if not any(values):
        return ""
    most = _ceiling(max(values))
    width = (_WIDTH - _LEFT) // len(entries)
    lines = "".join(_line(most * part / 4, most, width * len(entries)) for part in range(5))
    columns = "".join(
        _column(_LEFT + width * index, width, value / most, entry, code, index % 3 == 0)
        for index, (entry, value) in enumerate(zip(entries, values, strict=True))
    )
    best = max(range(len(values)), key=values.__getitem__)
    told = f"Columns for {len(entries)} hours. The most, {_amount(values[best])} {code}, at {_clock(entries[best])}."
    return _picture(f"hours-{code}", f"Revenue by hour, {code}", told, _TOP + _PLOT_HEIGHT + _BOTTOM, lines + columns)


def categories(code: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """Draw the revenue of the largest categories as bars, the rest as one; nothing for a day without revenue.

    Args:
        code: The currency.
        entries: `by_category` of the report, largest first.
    """
    bars = [(str(entry["category"]), Decimal(entry["gross"])) for entry in entries]
    if not any(value for _, value in bars):
        return ""
    if len(bars) > _MAX_ROWS:
        rest = bars[_MAX_ROWS - 1 :]
        bars = [*bars[: _MAX_ROWS - 1], (f"{len(rest)} more", sum((value for _, value in rest), Decimal(0)))]
    most = max(value for _, value in bars)
    rows = "".join(_bar(_ROW * index, name, value, value / most, code) for index, (name, value) in enumerate(bars))
    told = f"Bars for {len(bars)} categories. The largest, {_amount(bars[0][1])} {code}, is {bars[0][0]}."
    return _picture(f"categories-{code}", f"Revenue by category, {code}", told, _ROW * len(bars), rows)


def _picture(name: str, title: str, told: str, height: int, content: str) -> str:
    """Wrap shapes as one image that tells its title and what it shows to those who do not see it."""
    name = escape(name)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{name}-title {name}-desc" '
        f'viewBox="0 0 {_WIDTH} {height}" style="display:block;width:100%;height:auto;margin:8px 0">\n'
        f'<title id="{name}-title">{escape(title)}</title>\n<desc id="{name}-desc">{escape(told)}</desc>\n'
        f'<g font-size="11" fill="{_TEXT}" aria-hidden="true">\n{content}</g>\n</svg>\n'
    )


def _line(value: Decimal, most: Decimal, width: int) -> str:
    y = _TOP + _PLOT_HEIGHT - int(_PLOT_HEIGHT * value / most)
    return (
        f'<path d="M{_LEFT} {y}h{width}" stroke="{_LINE}"/>'
        f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{_amount(value.normalize())}</text>\n'
    )


def _column(x: int, width: int, share: Decimal, entry: Mapping[str, Any], code: str, named: bool) -> str:
    height = _length(share, _PLOT_HEIGHT)
    clock, orders = _clock(entry), entry["orders"]
    tip = f"{clock}: {orders} order{'' if orders == 1 else 's'}, {_amount(Decimal(entry['gross']))} {code}"
    top = _TOP + _PLOT_HEIGHT - height
    label = f'<text x="{x + width // 2}" y="{_TOP + _PLOT_HEIGHT + 16}" text-anchor="middle">{escape(clock)}</text>'
    return (
        f'<rect x="{x + 3}" y="{top}" width="{width - 6}" height="{height}" rx="2" fill="{_COLOUR}">'
        f"<title>{escape(tip)}</title></rect>{label if named else ''}\n"
    )


def _bar(y: int, name: str, value: Decimal, share: Decimal, code: str) -> str:
    shown = name if len(name) <= _LABEL_CHARACTERS else f"{name[: _LABEL_CHARACTERS - 1]}\N{HORIZONTAL ELLIPSIS}"
    width = _length(share, _WIDTH - _LABEL - _VALUE)
    return (
        f'<text x="{_LABEL - 8}" y="{y + 17}" text-anchor="end">{escape(shown)}</text>'
        f'<rect x="{_LABEL}" y="{y + 5}" width="{width}" height="16" rx="2" fill="{_COLOUR}">'
        f"<title>{escape(f'{name}: {_amount(value)} {code}')}</title></rect>"
        f'<text x="{_LABEL + width + 8}" y="{y + 17}">{_amount(value)}</text>\n'
    )


def _length(share: Decimal, whole: int) -> int:
    """Return a length in whole units; whatever is more than nothing is seen."""
    return max(int(share * whole), 1) if share else 0


def _ceiling(most: Decimal) -> Decimal:
    """Return the end of the axis: the next of 1, 2, 2.5, 5 with some zeros."""
    power = Decimal(10) ** most.adjusted()
    return next(step * power for step in _STEPS if step * power >= most)


def _amount(value: Decimal) -> str:
    return f"{value:,f}"


def _clock(entry: Mapping[str, Any]) -> str:
    return str(entry["start"][11:16])
