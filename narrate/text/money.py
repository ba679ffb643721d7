"""Rules about money: $3.50, £20, €5m, $1.2 billion, 50¢, £3 10s. 6d., 2s. 6d."""

from __future__ import annotations

import re

from narrate.text.numbers import cardinal, number

_CURRENCIES = {
    # sign: (one, many, one hundredth, hundredths)
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "", ""),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "₽": ("rouble", "roubles", "kopeck", "kopecks"),
    "₩": ("won", "won", "", ""),
    "₤": ("pound", "pounds", "penny", "pence"),
}
_PREFIXES = {"US": "U.S. ", "A": "Australian ", "C": "Canadian ", "NZ": "New Zealand ", "HK": "Hong Kong ", "": ""}
_SCALES = {
    "k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion", "tn": "trillion",
    "million": "million", "billion": "billion", "trillion": "trillion", "thousand": "thousand", "hundred": "hundred",
}  # fmt: skip
_SIGNS = re.escape("".join(_CURRENCIES))
_AMOUNT = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"

_STERLING = re.compile(
    r"(?<![\w.,])£ ?(\d[\d,]{0,14})\.? (\d{1,2})s\.?(?:,? ?(\d{1,2})(½|¼|¾)?d\b\.?)?"
    r"|(?<![\w.,£])(\d{1,2})s\. ?(\d{1,2})(½|¼|¾)?d\b\.?"
)
_PENCE = re.compile(r"(?<![\w.,£$€])(\d{1,3})(½|¼|¾)?(d\.|p\b)(?=\W|$)")
_SHILLINGS = re.compile(r"(?<![\w.,£$€])(\d{1,3})s\.(?=\s+[a-z]|$|[,;)”’])")
_SIGNED = re.compile(
    rf"(?<![A-Z])(US|A|C|NZ|HK)?([{_SIGNS}])\s?({_AMOUNT})(?:(?:\s?[–-]\s?|\sto\s)\2?({_AMOUNT}))?"
    rf"(?:\s?(bn|mn|tn|[kKmMbB])(?![\w])|[\s-](hundred|thousand|million|billion|trillion)\b)?"
    rf"(?:(?=[ -](bill|note|coin|piece|fee|fine)\b))?"
)
_AFTER = re.compile(rf"(?<![\w.,])({_AMOUNT})\s?([€£¥₹₽])(?!\w)")
_CENTS = re.compile(r"(?<![\w.,])(\d{1,3})\s?¢")
_QUARTERS = {"½": " half", "¼": " farthing", "¾": " three farthings"}


def money(text: str, language: str = "en") -> str:
    """Sums of money; the old pounds, shillings and pence too."""
    text = _STERLING.sub(_sterling, text)
    text = _SIGNED.sub(_signed, text)
    text = _AFTER.sub(lambda found: _amount(found[1], _CURRENCIES[found[2]], ""), text)
    text = _CENTS.sub(lambda found: _count(found[1], "cent", "cents"), text)
    text = _SHILLINGS.sub(_shillings, text)
    return _PENCE.sub(lambda found: _pence(found[1], found[2]) + _stop(found), text)


def _count(written: str, one: str, many: str) -> str:
    return f"{number(written)} {one if written == '1' else many}"


def _amount(written: str, names: tuple[str, str, str, str], prefix: str) -> str:
    one, many, hundredth, hundredths = names
    whole, point, fraction = written.partition(".")
    if not point or len(fraction) != 2 or not hundredth:
        return _count(written, prefix + one, prefix + many)
    parts = []
    if whole.strip("0,") or not fraction.strip("0"):
        parts.append(_count(whole, prefix + one, prefix + many))
    if fraction.strip("0"):
        parts.append(_count(str(int(fraction)), hundredth, hundredths))
    return " and ".join(parts)


def _signed(found: re.Match[str]) -> str:
    names = _CURRENCIES[found[2]]
    prefix = _PREFIXES[found[1] or ""]
    scale = _SCALES.get((found[5] or found[6] or "").lower(), "")
    last = f" to {number(found[4])}" if found[4] else ""
    if scale:
        return f"{number(found[3])}{last} {scale} {prefix}{names[1]}"
    if last:
        return f"{number(found[3])}{last} {prefix}{names[1]}"
    if found[7] and "." not in found[3]:
        return f"{number(found[3])} {prefix}{names[0]}"  # a five dollar bill
    return _amount(found[3], names, prefix)


def _pence(digits: str, quarter: str | None) -> str:
    small = {"1": "one penny", "2": "twopence", "3": "threepence", "6": "sixpence"}
    if quarter:
        return f"{cardinal(int(digits))} pence{_QUARTERS[quarter]}".replace("pence half", "and a half pence")
    return small.get(digits) or f"{cardinal(int(digits))} pence"


def _shillings(found: re.Match[str]) -> str:
    return _count(found[1], "shilling", "shillings") + _stop(found)


def _stop(found: re.Match[str]) -> str:
    """The dot of an abbreviation, where it also ends the sentence."""
    following = found.string[found.end() : found.end() + 1]
    return "." if found[0].endswith(".") and following in ("", "”", "’", '"') else ""


def _sterling(found: re.Match[str]) -> str:
    pounds, shillings, pence, quarter = found[1], found[2] or found[5], found[3] or found[6], found[4] or found[7]
    parts = []
    if pounds:
        parts.append(_count(pounds.strip(","), "pound", "pounds"))
    parts.append(_count(shillings, "shilling", "shillings"))
    said = " ".join(parts)
    said = f"{said} and {_pence(pence, quarter)}" if pence else said
    return said + _stop(found)
