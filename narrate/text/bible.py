"""Rule about places in the Bible: 1 Cor. 13:4–7, Ps. xxiii. 4, Rev. 21:4."""

from __future__ import annotations

import re

from narrate.text.numbers import cardinal
from narrate.text.roman import value

_BOOKS = {
    "Gen": "Genesis", "Ex": "Exodus", "Exod": "Exodus", "Lev": "Leviticus", "Num": "Numbers", "Numb": "Numbers",
    "Deut": "Deuteronomy", "Josh": "Joshua", "Judg": "Judges", "Sam": "Samuel", "Kgs": "Kings", "Chr": "Chronicles",
    "Chron": "Chronicles", "Neh": "Nehemiah", "Esth": "Esther", "Ps": "Psalm", "Pss": "Psalms", "Prov": "Proverbs",
    "Eccl": "Ecclesiastes", "Eccles": "Ecclesiastes", "Cant": "Canticles", "Isa": "Isaiah", "Is": "Isaiah",
    "Jer": "Jeremiah", "Lam": "Lamentations", "Ezek": "Ezekiel", "Dan": "Daniel", "Hos": "Hosea", "Obad": "Obadiah",
    "Mic": "Micah", "Nah": "Nahum", "Hab": "Habakkuk", "Zeph": "Zephaniah", "Hag": "Haggai", "Zech": "Zechariah",
    "Mal": "Malachi", "Matt": "Matthew", "Mt": "Matthew", "Mk": "Mark", "Lk": "Luke", "Jn": "John", "Rom": "Romans",
    "Cor": "Corinthians", "Gal": "Galatians", "Eph": "Ephesians", "Phil": "Philippians", "Col": "Colossians",
    "Thess": "Thessalonians", "Tim": "Timothy", "Tit": "Titus", "Philem": "Philemon", "Heb": "Hebrews", "Jas": "James",
    "Pet": "Peter", "Rev": "Revelation", "Apoc": "Apocalypse", "Macc": "Maccabees", "Ecclus": "Ecclesiasticus",
    "Tob": "Tobit", "Wisd": "Wisdom", "Bar": "Baruch",
}  # fmt: skip
_WHOLE = (
    "Genesis Exodus Leviticus Numbers Deuteronomy Joshua Judges Ruth Samuel Kings Chronicles Ezra Nehemiah Esther Job "
    "Psalms? Proverbs Ecclesiastes Isaiah Jeremiah Lamentations Ezekiel Daniel Hosea Joel Amos Obadiah Jonah Micah "
    "Nahum Habakkuk Zephaniah Haggai Zechariah Malachi Matthew Mark Luke John Acts Romans Corinthians Galatians "
    "Ephesians Philippians Colossians Thessalonians Timothy Titus Philemon Hebrews James Peter Jude Revelation "
    "Maccabees Tobit Judith Wisdom Baruch"
).replace(" ", "|")
_TWICE = (
    "Sam|Samuel|Kgs|Kings|Chr|Chron|Chronicles|Cor|Corinthians|Thess|Thessalonians|Tim|Timothy|Pet|Peter|John|Jn|Macc|"
    "Maccabees"
)
_SHORT = "|".join(sorted(_BOOKS, key=len, reverse=True))
_ORDER = {"1": "First", "2": "Second", "3": "Third", "I": "First", "II": "Second", "III": "Third"}

_VERSES = r"(\d{1,3}(?:[-–]\d{1,3})?(?:, ?\d{1,3}(?:[-–]\d{1,3})?)*)"
_PLACE = re.compile(
    rf"(?<![\w.])(?:([123]|I{{1,3}}) )?(?!(?:Is|Ex|Bar|Col|Rev|Gen) )(?:({_SHORT})\.?|({_WHOLE})) "
    rf"(?:(\d{{1,3}})[:.]|([ivxlc]{{1,8}})[.:,]) ?{_VERSES}(?![\w:]|\.\d)"
)
_CHAPTER = re.compile(rf"(?<![\w.])(?:([123]) )?(?:({_SHORT})\.) (?=\d{{1,3}}\b(?![.:]\d))")
_SECOND_BOOK = re.compile(
    rf"(?<![\w.])([123]|II|III|I(?= (?:{_TWICE})\.? \d)) ({_TWICE})\b(?=\.? (?:\d|[ivxlc]+[.:])|[,;)]| [a-z]|\.?$)"
)
_OTHER_WORDS = frozenset(("Col", "Gal", "Mt", "Num", "Tit", "Is", "Ex", "Bar", "Dan", "Sam", "Tim", "Phil", "Jas"))
"""Short books whose chapter alone ("Col. 3") is not sure enough."""


def bible(text: str, language: str = "en") -> str:
    """Books of the Bible before chapter and verse are named in full: "First Corinthians thirteen four to seven"."""
    text = _PLACE.sub(_place, text)
    text = _CHAPTER.sub(_chapter, text)
    return _SECOND_BOOK.sub(lambda found: f"{_ORDER[found[1]]} {_name(found[2])}", text)


def _name(book: str) -> str:
    return _BOOKS.get(book, book)


def _place(found: re.Match[str]) -> str:
    number, short, whole, chapter, roman, verses = found.groups()
    amount = int(chapter) if chapter else value(roman.upper())
    if not amount:
        return found[0]
    said = re.sub(r"\d+", lambda digits: cardinal(int(digits[0])), re.sub(r"(?<=\d)[-–](?=\d)", " to ", verses))
    return f"{_ORDER[number] + ' ' if number else ''}{whole or _name(short)} {cardinal(amount)} {said}"


def _chapter(found: re.Match[str]) -> str:
    number, short = found.groups()
    if short in _OTHER_WORDS and not number:
        return found[0]
    return f"{_ORDER[number] + ' ' if number else ''}{_name(short)} "
