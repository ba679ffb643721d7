"""Rules about abbreviations and initials: Mr., St. Ives, 10 Downing St., No. 9, etc., J. R. R. Tolkien."""

from __future__ import annotations

import re

_BEFORE_NAME = {
    "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Messrs": "Messieurs", "Mme": "Madame", "Mlle": "Mademoiselle",
    "Dr": "Doctor", "Prof": "Professor", "Rev": "Reverend", "Revd": "Reverend", "Hon": "Honourable", "Fr": "Father",
    "Capt": "Captain", "Col": "Colonel", "Gen": "General", "Lt": "Lieutenant", "Lieut": "Lieutenant", "Maj": "Major",
    "Sgt": "Sergeant", "Sergt": "Sergeant", "Cpl": "Corporal", "Pvt": "Private", "Adm": "Admiral", "Cmdr": "Commander",
    "Gov": "Governor", "Sen": "Senator", "Rep": "Representative", "Pres": "President", "Supt": "Superintendent",
    "Insp": "Inspector", "Mt": "Mount", "Ft": "Fort", "Ste": "Sainte", "Pte": "Private", "Brig": "Brigadier",
}  # fmt: skip
"""Expanded before a capitalised name, with or without a dot where nothing else can be meant."""

_ANYWHERE = {
    "etc": "et cetera", "e.g": "for example", "i.e": "that is", "viz": "namely", "cf": "compare", "vs": "versus",
    "approx": "approximately", "Jr": "Junior", "Sr": "Senior", "Esq": "Esquire", "Co": "Company", "Inc": "Incorporated",
    "Ltd": "Limited", "Corp": "Corporation", "Bros": "Brothers", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road",
    "dept": "department", "Dept": "Department", "ibid": "ibidem", "Ibid": "Ibidem", "govt": "government",
    "Govt": "Government", "Jan": "January", "Feb": "February", "Aug": "August", "Sept": "September", "Oct": "October",
    "Nov": "November", "Dec": "December", "Univ": "University", "Assn": "Association", "et al": "and others",
    "a.k.a": "also known as", "q.v": "which see", "Xmas": "Christmas", "misc": "miscellaneous", "incl": "including",
}  # fmt: skip
"""Expanded wherever they end in a dot. The dot stays where the sentence ends."""

_BEFORE_NUMBER = {
    "No": "number", "Nos": "numbers", "no": "number", "nos": "numbers", "p": "page", "pp": "pages", "P": "page",
    "Pp": "pages", "PP": "pages", "vol": "volume", "vols": "volumes", "Vol": "Volume", "Vols": "Volumes",
    "ch": "chapter", "Ch": "Chapter", "chap": "chapter", "Chap": "Chapter", "chaps": "chapters", "fig": "figure",
    "Fig": "Figure", "figs": "figures", "Figs": "Figures", "sec": "section", "Sec": "Section", "c": "circa",
    "ca": "circa", "ed": "edition", "art": "article", "Art": "Article", "l": "line", "ll": "lines", "v": "verse",
    "vv": "verses", "op": "opus", "Op": "Opus", "tel": "telephone", "Tel": "Telephone", "ext": "extension",
    "ver": "version",
    "Pt": "Part", "pt": "part", "Bk": "Book", "bk": "book", "sc": "scene", "Sc": "Scene",
}  # fmt: skip

_NUMBER_WORDS = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
)


def _any(words: dict[str, str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_TITLE = re.compile(rf"(?<![\w.-])({_any(_BEFORE_NAME)})(?:\.\s?|(?<=r)\s|(?<=s)\s|(?<=me)\s|(?<=le)\s)(?=[“\"]?[A-Z])")
_TITLE_LOW = re.compile(r"(?<![\w.-])([Mm]rs?|[Mm]s|[Dd]r|[Pp]rof|[Cc]apt|[Rr]ev|[Ss]gt)\.?\s(?=[a-z])")
_ANY = re.compile(rf"(?<![\w.-])({_any(_ANYWHERE)})\.(?![\w])(?=([,;:)’”\"—-]?)(\s*)(\S?))")
_NUMBERED = re.compile(rf"(?<![\w.’'-])({_any(_BEFORE_NUMBER)})\.\s?(?=\d|#|(?:{_NUMBER_WORDS})\b)")
_NUMBERED_BARE = re.compile(
    r"(?<![\w.’'-])(pp|vol|chap|Vol|Chap|Fig|fig|Nos)\s(?=\d)|(?<![\w.’'-])(No)\s(?=\d+\b(?!\s[a-z]+s\b))|№\s?(?=\d)"
)
_STARTERS = r"(?:The|He|She|It|They|We|You|I|But|And|In|At|On|This|That|His|Her|A|An|When|Then|There|What|So|As|If)\b"
_SAINT = re.compile(rf"(?<![\w.-])St\.?\s(?=[A-Z])(?!{_STARTERS})")
_SAINT_LOW = re.compile(r"(?<![\w.-])[Ss]t\.\s(?=[a-z]{3})")
_STREET = re.compile(rf"(?<=[a-zA-Z] )St\b(?:(\.)(?!\w)|(?=$|[,;)]))(?=(\s+{_STARTERS})|\s*(\S?))")
_DRIVE = re.compile(r"(\d[\w]*(?: [A-Z][a-z]+){1,3}) (Dr)\.(?=\s*(?:$|[,;)]|[a-z]))")
_ADDRESS_BEFORE = re.compile(r"\d[\w-]*(?: [A-Z][\w’']*){1,3} $")

_INITIALS = re.compile(rf"(?<![\w.’'])((?:[A-Z]\.\s?){{1,5}})(?=[A-Z][a-z’']+)(?!{_STARTERS})")
_LETTER = re.compile(r"[A-Z]")


def abbreviations(text: str, language: str = "en") -> str:
    """Titles, saints and streets, words before numbers, and the common rest."""
    if "." not in text and "№" not in text and not _DOTLESS.search(text):
        return text
    text = _SAINT.sub(_saint, text)
    text = _STREET.sub(_street, text)
    text = _SAINT_LOW.sub("saint ", text)
    text = _DRIVE.sub(r"\1 Drive", text)
    text = _TITLE.sub(lambda found: f"{_title(found[1])} ", text)
    text = _TITLE_LOW.sub(lambda found: f"{_title(found[1])} ", text)
    text = _NUMBERED.sub(lambda found: f"{_BEFORE_NUMBER[found[1]]} ", text)
    text = _NUMBERED_BARE.sub(lambda found: f"{_BEFORE_NUMBER.get(found[1] or found[2] or 'No')} ", text)
    return _ANY.sub(_anywhere, text)


_DOTLESS = re.compile(r"\b(?:[MD]rs?|Ms|St|Prof|Mme|Mlle|pp|vol|chap|Vol|Chap|Fig|fig|Nos?)\b")


def _title(written: str) -> str:
    said = _BEFORE_NAME[written.capitalize()]
    return said if written[0].isupper() else said.lower()


def _saint(found: re.Match[str]) -> str:
    before = found.string[max(0, found.start() - 60) : found.start()]
    return found[0] if _ADDRESS_BEFORE.search(before) else "Saint "


def _street(found: re.Match[str]) -> str:
    """The dot is kept where it also ends the sentence."""
    dot, starter, following = found.groups()
    return "Street." if dot and (starter or not following or following in '”"’') else "Street"


def _anywhere(found: re.Match[str]) -> str:
    word, mark, blank, following = found.groups()
    said = _ANYWHERE[word]
    ends = not mark and (not following or (bool(blank) and following.isupper() and word in ("etc", "et al")))
    closes = mark in ("”", '"', ")", "’") and mark != "" and word == "etc" and mark != ")"
    return f"{said}." if ends or closes else said


def initials(text: str, language: str = "en") -> str:
    """Initials before a name lose the dots that would be heard as ends of sentences: "J. R. R. Tolkien"."""
    return _INITIALS.sub(_joined, text) if "." in text else text


def _joined(found: re.Match[str]) -> str:
    letters = _LETTER.findall(found[1])
    if len(letters) > 1:
        return ".".join(letters) + ". "
    before = found.string[max(0, found.start() - 12) : found.start()]
    if letters[0] == "I" or re.search(r"(?:^|\s)(?:[Pp]lan|[Vv]itamin|[Gg]rade|[Cc]lass|[Tt]ype|[Pp]oint)\s$", before):
        return found[0]
    return found[0] if letters[0] == "A" else f"{letters[0]} "
