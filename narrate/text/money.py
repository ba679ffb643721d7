"""Rules about money: $3.50, £20, €5m, $1.2 billion, 50¢, £3 10s. 6d., 2s. 6d."""

from __future__ import annotations

import re

from narrate.text.numbers import FUNCTION_WORDS, cardinal, number

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
    rf"(?:(?=[ -](bill|note|coin|piece|fee|fine)\b))?(?:\s(dollars?|pounds?|euros?)\b)?"
)
_TERSE = re.compile(r"£(\d{1,6})/(\d{1,2})/(\d{1,2})(?![\w/])")
_SOLIDUS = re.compile(r"(?<![\w.,/£])(\d{1,3})/-(?![\w-])")
_HALFPENNY = re.compile(r"(?<![\w.,£])(½|¼|¾)d\b\.?")
_PENCE_EACH = re.compile(r"(?<![\w.,£$€])(\d{1,2})d(?= (?:a|an|each|per|apiece)\b)")
_CODES = {
    "USD": "U.S. dollars", "EUR": "euros", "GBP": "pounds", "CHF": "Swiss francs", "Rs": "rupees", "DM": "marks",
    "fr": "francs", "frs": "francs", "INR": "rupees", "JPY": "yen", "kr": "kroner",
}  # fmt: skip
_CODE_BEFORE = re.compile(rf"(?<![\w.])(USD|EUR|GBP|CHF|Rs|DM|INR|JPY)\.? ?({_AMOUNT})(?![\w])")
_CODE_AFTER = re.compile(rf"(?<![\w.,])({_AMOUNT}) ?(USD|EUR|GBP|CHF|INR|JPY|(?:frs?|kr)(?=\.))(?![\w])(\.?)")
_CENTS_ONLY = re.compile(rf"([{_SIGNS}])(?=\.\d\d\b)")
_AFTER = re.compile(rf"(?<![\w.,])({_AMOUNT})\s?([€£¥₹₽])(?!\w)")
_CENTS = re.compile(r"(?<![\w.,])(\d{1,3})\s?¢")
_ARTICLE = re.compile(r"\b(?:a|A|an|An|the|The) $")
_NOUN = re.compile(r" ([a-z]+)")
_QUARTERS = {"½": " half", "¼": " farthing", "¾": " three farthings"}


_FARTHINGS = {"½": "halfpenny", "¼": "farthing", "¾": "three farthings"}


def money(text: str, language: str = "en") -> str:
    """Sums of money; the old pounds, shillings and pence too."""
    text = _TERSE.sub(r"£\1 \2s. \3d", text)
    text = _CENTS_ONLY.sub(r"\g<1>0", text)
    text = _CODE_BEFORE.sub(lambda found: f"{number(found[2])} {_CODES[found[1]]}", text)
    text = _CODE_AFTER.sub(lambda found: f"{number(found[1])} {_CODES[found[2]]}{_end(found)}", text)
    text = _STERLING.sub(_sterling, text)
    text = _SIGNED.sub(_signed, text)
    text = _AFTER.sub(lambda found: _amount(found[1], _CURRENCIES[found[2]], ""), text)
    text = _SOLIDUS.sub(lambda found: _count(found[1], "shilling", "shillings"), text)
    text = _HALFPENNY.sub(lambda found: _FARTHINGS[found[1]] + _stop(found), text)
    text = _PENCE_EACH.sub(lambda found: _pence(found[1], None), text)
    text = _CENTS.sub(lambda found: _count(found[1], "cent", "cents"), text)
    text = _SHILLINGS.sub(_shillings, text)
    return _PENCE.sub(lambda found: _pence(found[1], found[2]) + _stop(found), text)


def _end(found: re.Match[str]) -> str:
    """The dot of "500 fr.", where it also ends the sentence; that of "EUR" does."""
    if not found[3]:
        return ""
    rest = found.string[found.end() : found.end() + 2].strip()
    return "." if found[2].isupper() or not rest or rest.isupper() else ""


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
        name = found[8] or (names[0] if _describes(found) else names[1])
        return f"{number(found[3])}{last} {scale} {prefix}{name}"
    if last:
        return f"{number(found[3])}{last} {prefix}{names[1]}"
    if found[7] and "." not in found[3]:
        return f"{number(found[3])} {prefix}{names[0]}"  # a five dollar bill
    return _amount(found[3], names, prefix)


def _describes(found: re.Match[str]) -> bool:
    """Whether a sum stands before what it describes: "a $20 million deal"."""
    article = _ARTICLE.search(found.string[max(0, found.start() - 4) : found.start()])
    following = _NOUN.match(found.string, found.end())
    return bool(article and following and following[1] not in FUNCTION_WORDS)


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
