"""The figures as a page: report.html for browsers, with charts as SVG, and mail.html for mail programs.

Mail programs drop SVG and leave its texts behind; there a bar is a table cell with a background. Both have inline
styles and nothing remote. Styles stand on tables and rows rather than on cells: some mail programs cut what is longer
than 100 kB.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Any

import charts

_MAX_CATEGORIES = 20
_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_TABLE = "border-collapse:collapse;width:100%;font-size:13px;font-variant-numeric:tabular-nums"
_ROW = "border-bottom:1px solid #e5e7eb"
_HEADS = "border-bottom:2px solid #cbd5e1;font-size:12px;color:#475569"
_TILE = "padding:12px 16px;border:1px solid #e5e7eb;border-radius:8px;background:#f8fafc;vertical-align:top"

_TILES = (
    ("Orders", "orders"),
    ("Units", "units"),
    ("Total", "total"),
    ("Average order", "average_order_value"),
)
_STEPS = (
    ("Gross", "gross"),
    ("\N{MINUS SIGN} Discounts", "discounts"),
    ("= Net", "net"),
    ("+ Shipping", "shipping"),
    ("+ Tax", "tax"),
    ("= Total", "total"),
)
_SIDES = (
    ("Day before", "previous_day"),
    ("Same weekday", "same_weekday"),
    ("Seven days' average", "seven_day_average"),
)


def page(report: Mapping[str, Any], *, mail: bool = False) -> str:
    """Write the page of a report.

    Args:
        report: The content of report.json.
        mail: Whether mail programs are to show it.
    """
    title = f"Orders of {report['report_date']}"
    window = report["window"]
    about = (
        f"{report['input_count']} orders · {report['time_zone']} · {window['hours']} hours · "
        f"version {report['version']} · as of {report['as_of']}"
    )
    currencies = report["currencies"]
    trends = report.get("trends", {})
    body = "".join(_currency(code, figures, trends.get(code), mail) for code, figures in currencies.items())
    if not currencies:
        body = f'<p style="font-size:14px;color:#475569">{_text("There were no orders on this day.")}</p>'
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n</head>\n"
        f'<body style="margin:0;background:#f1f5f9;color:#0f172a;{_FONT}">\n'
        '<div style="max-width:760px;margin:0 auto;padding:24px 16px">\n'
        f'<h1 style="margin:0 0 4px;font-size:24px">{_text(title)}</h1>\n'
        f'<p style="margin:0 0 20px;font-size:13px;color:#475569">{_text(about)}</p>\n'
        f"{body}{_changes(report.get('changes', {}))}"
        '<p style="margin:16px 0 0;font-size:11px;color:#64748b">'
        f"Checksum {_text(report['checksum'])}. Amounts of different currencies are never added.</p>\n"
        "</div>\n</body>\n</html>\n"
    )


def _currency(code: str, figures: Mapping[str, Any], trend: Mapping[str, Any] | None, mail: bool) -> str:
    tiles = "".join(
        f'<td style="{_TILE}"><div style="font-size:12px;color:#475569">{_text(label)}</div>'
        f'<div style="font-size:20px;font-weight:600;margin-top:2px">{_number(figures[name])}</div></td>'
        for label, name in _TILES
    )
    top = figures["top_products"]
    customers = figures["customers"]
    refunds, cancellations = figures["refunds"], figures["cancellations"]
    minus = "\N{MINUS SIGN}"
    steps = [
        *((label, figures[name]) for label, name in _STEPS),
        (f"{minus} Refunds ({refunds['count']})", refunds["total"]),
        (f"{minus} Cancellations ({cancellations['orders']})", cancellations["total"]),
        ("= Kept", figures["kept"]),
    ]
    sections = (
        _table("From gross to what is kept", ("", code), steps),
        _trend(code, trend),
        _table(
            "Customers",
            ("Kind", "Orders", f"Total {code}"),
            [(kind.capitalize(), entry["orders"], entry["total"]) for kind, entry in customers.items()],
        ),
        _categories(code, figures["by_category"], mail),
        _products(f"Top products by revenue, {code}", top["by_revenue"]),
        _products("Top products by units", top["by_units"]),
        _hours(code, figures["by_hour"], mail),
    )
    return (
        '<div style="background:#ffffff;border:1px solid #e2e8f0;border-radius:12px;'
        'padding:16px 20px;margin:0 0 20px">\n'
        f'<h2 style="margin:0 0 12px;font-size:18px">{_text(code)}</h2>\n'
        f'<table role="presentation" style="border-collapse:separate;border-spacing:6px 0;width:100%">'
        f"<tr>{tiles}</tr></table>\n{''.join(sections)}</div>\n"
    )


def _trend(code: str, trend: Mapping[str, Any] | None) -> str:
    rows: list[tuple[str, str, str, str]] = []
    if trend is None:
        return ""
    for label, name in _SIDES:
        orders, total = trend[name]["orders"], trend[name]["total"]
        if orders is not None and total is not None:
            rows.append((label, orders["value"], total["value"], _percent(total.get("change"))))
    unusual = [f"{one['figure']} {_percent(one['change'])} %" for one in trend["anomalies"]]
    note = f"Unusual beside the average: {', '.join(unusual)}." if unusual else ""
    return _table("Beside earlier days", ("", "Orders", f"Total {code}", "Change %"), rows, note) if rows else ""


def _percent(change: str | None) -> str:
    return "" if change is None else f"{Decimal(change) * 100:.1f}"


def _changes(changes: Mapping[str, Any]) -> str:
    rows = [
        (f"{name.capitalize()}, {code}", entry["count"], entry["total"])
        for code, kinds in changes.items()
        for name, entry in kinds.items()
    ]
    if not rows:
        return ""
    return _table("Made on this day, of orders of any day", ("", "Count", "Total"), rows)


def _categories(code: str, entries: Sequence[Mapping[str, Any]], mail: bool) -> str:
    shown = entries[:_MAX_CATEGORIES]
    rows = [(entry["category"], entry["units"], entry["gross"]) for entry in shown]
    more = len(entries) - len(shown)
    note = f"{more} more categories are in report.json." if more > 0 else ""
    heads = ("Category", "Units", f"Gross {code}")
    return _charted("Categories", heads, rows, "" if mail else charts.categories(code, entries)) + _remark(note)


def _products(title: str, entries: Iterable[Mapping[str, Any]]) -> str:
    rows = [(entry["sku"], entry["units"], entry["revenue"]) for entry in entries]
    return _table(title, ("Product", "Units", "Revenue"), rows)


def _hours(code: str, entries: Sequence[Mapping[str, Any]], mail: bool) -> str:
    rows = [(entry["start"][11:16], entry["orders"], entry["gross"]) for entry in entries]
    return _charted("Hours", ("Hour", "Orders", f"Gross {code}"), rows, "" if mail else charts.hours(code, entries))


def _charted(title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]], chart: str) -> str:
    """Write a table below its chart; without one, its last column is drawn as bars."""
    if chart:
        return _table(title, heads, rows, chart=chart)
    values = [Decimal(row[-1]) for row in rows]
    most = max(values, default=Decimal(0))
    body = "".join(_row(f"{_cells(row)}<td>{_bar(value, most)}</td>") for row, value in zip(rows, values, strict=True))
    return _frame(title, f'{_heads(heads)}<th scope="col" width="45%"></th>', body)


def _bar(value: Decimal, most: Decimal) -> str:
    percent = int(value * 100 / most) if most else 0
    if not percent:
        return ""
    return f'<div style="background:#2563eb;height:10px;border-radius:3px;width:{percent}%"></div>'


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], note: str = "", chart: str = "") -> str:
    return _frame(title, _heads(heads), "".join(_row(_cells(row)) for row in rows), chart) + _remark(note)


def _remark(text: str) -> str:
    return f'<p style="margin:4px 0 0;font-size:12px;color:#64748b">{_text(text)}</p>\n' if text else ""


def _frame(title: str, heads: str, rows: str, chart: str = "") -> str:
    return (
        f'<h3 style="margin:20px 0 4px;font-size:14px">{_text(title)}</h3>\n{chart}'
        f'<table cellpadding="6" style="{_TABLE}">\n'
        f'<thead><tr style="{_HEADS}">{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n'
    )


def _row(cells: str) -> str:
    return f'<tr style="{_ROW}">{cells}</tr>\n'


def _heads(texts: Sequence[str]) -> str:
    return "".join(_head(text, right=index > 0) for index, text in enumerate(texts))


def _head(text: str, *, right: bool = False) -> str:
    return f'<th scope="col" align="{"right" if right else "left"}">{_text(text)}</th>'


def _cells(row: Sequence[Any]) -> str:
    return "".join(_cell(value, right=index > 0) for index, value in enumerate(row))


def _cell(value: object, *, right: bool = False) -> str:
    return f'<td align="right">{_number(value)}</td>' if right else f"<td>{_text(value)}</td>"


def _number(value: object) -> str:
    return "" if value == "" else f"{Decimal(str(value)):,f}"


def _text(value: object) -> str:
    return escape(str(value))
