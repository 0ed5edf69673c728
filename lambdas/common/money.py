"""Decimal money: ISO 4217 exponents, rounding, and the text form used in every answer and report."""

from __future__ import annotations

from contextlib import AbstractContextManager
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

ZERO = Decimal(0)
_DIGITS = 38  # what a DynamoDB number holds

_WITHOUT_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_TWO_DECIMALS = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY "
    "COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR "
    "ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK "
    "MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
    "SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER "
    "ZAR ZMW ZWG"
)
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"

EXPONENTS: dict[str, int] = {
    code: exponent
    for exponent, codes in ((0, _WITHOUT_DECIMALS), (2, _TWO_DECIMALS), (3, _THREE_DECIMALS))
    for code in codes.split()
}
"""Digits after the decimal point of every currency in circulation."""


_EXACT = Context(prec=_DIGITS)
_SMALLEST = {code: Decimal(1).scaleb(-exponent) for code, exponent in EXPONENTS.items()}


def exact() -> AbstractContextManager[Context]:
    """Compute with as many digits as the table stores, so that no sum is ever rounded."""
    return localcontext(_EXACT)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Round half up to the currency's smallest unit."""
    return amount.quantize(_SMALLEST[currency], ROUND_HALF_UP, _EXACT)


def fits(amount: Decimal, currency: str) -> bool:
    """Say whether an amount can be paid in the currency without rounding."""
    return rounded(amount, currency) == amount


def as_text(amount: Decimal, currency: str) -> str:
    """Write an amount with exactly the currency's digits: `12.50`, `1250`."""
    return f"{rounded(amount, currency):f}"
