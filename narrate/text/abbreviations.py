"""Rules about abbreviations and initials: Mr., St. Ives, 10 Downing St., No. 9, etc., J. R. R. Tolkien."""

from __future__ import annotations

import re

from narrate.text.shortened import (
    ANYWHERE,
    BEFORE_NAME,
    BEFORE_NUMBER,
    BOOK_FORMATS,
    DAYS,
    FIRST_NAMES,
    RANKS,
    SLASHED,
    STATES,
)

_NUMBER_WORDS = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
)


def _any(words: dict[str, str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_TITLE = re.compile(rf"(?<![\w.-])({_any(BEFORE_NAME)})(?:\.\s?|(?<=r)\s|(?<=s)\s|(?<=me)\s|(?<=le)\s)(?=[“\"]?[A-Z])")
_TITLE_LOW = re.compile(r"(?<![\w.-])([Mm]rs?|[Mm]s|[Dd]r|[Pp]rof|[Cc]apt|[Rr]ev|[Ss]gt)\.?\s(?=[a-z])")
_ANY = re.compile(rf"(?<![\w.-])({_any(ANYWHERE)})\.(?![\w])(?=([,;:)’”\"—-]?)(\s*)(\S?))")
_NUMBERED = re.compile(rf"(?<![\w.’'-])({_any(BEFORE_NUMBER)})\.\s?(?=\d|#|(?:{_NUMBER_WORDS})\b)")
_NUMBERED_BARE = re.compile(
    r"(?<![\w.’'-])(pp|vol|chap|Vol|Chap|Fig|fig|Nos)\s(?=\d)|(?<![\w.’'-])(No)\s(?=\d+\b(?!\s[a-z]+s\b))|№\s?(?=\d)"
)
_STARTERS = r"(?:The|He|She|It|They|We|You|I|But|And|In|At|On|This|That|His|Her|A|An|When|Then|There|What|So|As|If)\b"
_SAINT = re.compile(rf"(?<![\w.-])St\.?\s(?=[A-Z])(?!{_STARTERS})")
_SAINT_LOW = re.compile(r"(?<![\w.-])[Ss]t\.\s(?=[a-z]{3})")
_STREET = re.compile(rf"(?<=[a-zA-Z] )St\b(?:(\.)(?!\w)|(?=$|[,;)]))(?=(\s+{_STARTERS})|\s*(\S?))")
_DRIVE = re.compile(r"(\d[\w]*(?: [A-Z][a-z]+){1,3}) (Dr)\.(?=\s*(?:$|[,;)]|[a-z]))")
_ADDRESS_BEFORE = re.compile(r"\d[\w-]*(?: [A-Z][\w’']*){1,3} $")

_RANK = re.compile(rf"(?<![\w.-])({_any(RANKS)})\.-\s?({_any(RANKS)})\.")
_STATE = re.compile(rf"(?<=[a-z], )({_any(STATES)})\.")
_FIRST_NAME = re.compile(r"(?<![\w.-])(Wm|Chas|Thos|Jas|Robt)(?= [A-Z])")
_MONTH = r"(?:Jan|Feb|March|Mar|Apr|May|June|July|Aug|Sept|Oct|Nov|Dec)"
_DAY = re.compile(
    rf"(?<![\w.-])({_any(DAYS)})\.(?=,? (?:\d|the \d|{_MONTH})| (?:morning|noon|afternoon|evening|night)s?\b|[–-])"
)
_CENTURY = re.compile(r"(?<=\dth )(?:c|cent)\.|(?<=\dth )c(?= [A-Z]|[,;)]|$)")
_EDITION = re.compile(r"(?<=\d(?:st|nd|rd|th) )edn?\.")
_EDITED = re.compile(r"(?<=[(,;] |.\()(eds?|trans|tr|comp|illus)\. (?:by )?(?=[A-Z][a-z]+ ?[A-Z]?)")
_BARONET = re.compile(r"(\bSir [A-Z][\w’' .-]{2,40}, )(?:Bart|Bt)\.")
_BY = {"ed": "edited by ", "eds": "edited by ", "trans": "translated by ", "tr": "translated by ",
       "comp": "compiled by ", "illus": "illustrated by "}  # fmt: skip
_LIFE = re.compile(r"(?<=\()(b|d|fl|r)\. (?=\d{3,4}\b)|(?<=[;,] )(b|d|fl)\. (?=\d{4}\b)")
_LIVED = {"b": "born ", "d": "died ", "fl": "flourished ", "r": "reigned "}
_VERSUS = re.compile(r"(?<=[a-z.] )(?<![a-z] [a-z] )v\. (?=[A-Z][a-z])")
_NAMED_BEFORE = re.compile(r"(?:^|[\s“(])[A-Z][\w’'.]* $")
_MONTH_SAID = re.compile(r"(?<=\dth |\dst |\dnd |\drd )(inst|ult|prox)\.")
_THAT_MONTH = {"inst": "instant", "ult": "ultimo", "prox": "proximo"}
_FOLLOWING = re.compile(r"(?<=\d) ?ff\.")
_SLASHED = re.compile(r"(?<![\w/])(c/o|w/o|a/c|b/c|w/(?= ))(?![\w/])")
_FORMAT = re.compile(r"(?<![\w.])(4to|8vo|12mo|16mo)\b\.?")
_MANUSCRIPT = re.compile(r"(?<![\w.])(?:(MSS)\b\.?|(?<=[Tt]he )MS(?= [a-z])|MS\.(?=\s?(?:[a-z(\d]|[,;:)]|$)))")
_POSITION = re.compile(r"(?<![\w.])([Ll]at|[Ll]ong)\.? (?=\d{1,3} ?°)")

_INITIALS = re.compile(rf"(?<![\w.’'])((?:[A-Z]\.\s?){{1,5}})(?=[A-Z][a-z’']+)(?!{_STARTERS})")
_LETTER = re.compile(r"[A-Z]")


_DOTLESS = re.compile(
    r"(?:Wm|Chas|Thos|Jas|Robt|M(?:rs?|s|me|lle)|Dr|St|Prof|pp|vol|[Cc]hap|Vol|[Ff]ig|Nos?)\b|№"
).search
_LAST_PARTS = frozenset(
    word.rpartition(".")[2].rpartition(" ")[2]
    for word in (
        *BEFORE_NAME,
        *ANYWHERE,
        *BEFORE_NUMBER,
        *STATES,
        *DAYS,
        *RANKS,
        *_BY,
        "v",
        "Bart",
        "Bt",
        "St",
        "st",
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "capt",
        "rev",
    )
) | {"sgt"}
_LAST_WORD = re.compile(r"[^\W\d_]+$").search


def likely(text: str) -> bool:
    """Whether a word of the tables stands in ``text`` before a dot, or one that needs none."""
    if _DOTLESS(text):
        return True
    words = (_LAST_WORD(part, max(0, len(part) - 16)) for part in text.split(".")[:-1])
    return any(word is not None and word[0] in _LAST_PARTS for word in words)


def abbreviations(text: str, language: str = "en") -> str:
    """Titles, saints and streets, words before numbers, and the common rest."""
    text = _more(text)
    text = _SAINT.sub(_saint, text)
    text = _STREET.sub(_street, text)
    text = _SAINT_LOW.sub("saint ", text)
    text = _DRIVE.sub(lambda found: f"{found[1]} Drive{_stop(found)}", text)
    text = _TITLE.sub(lambda found: f"{_title(found[1])} ", text)
    text = _TITLE_LOW.sub(lambda found: f"{_title(found[1])} ", text)
    text = _NUMBERED.sub(lambda found: f"{BEFORE_NUMBER[found[1]]} ", text)
    text = _NUMBERED_BARE.sub(lambda found: f"{BEFORE_NUMBER.get(found[1] or found[2] or 'No')} ", text)
    return _ANY.sub(_anywhere, text)


def _more(text: str) -> str:
    """Those that need more than a word beside them: ranks, states, days, editors, the dates of a life."""
    text = _RANK.sub(lambda found: f"{RANKS[found[1]]}-{RANKS[found[2]]}", text)
    text = _STATE.sub(lambda found: STATES[found[1]] + _stop(found), text)
    text = _BARONET.sub(lambda found: f"{found[1]}Baronet{_stop(found)}", text)
    text = _FIRST_NAME.sub(lambda found: FIRST_NAMES[found[1]], text)
    text = _DAY.sub(lambda found: DAYS[found[1]], text)
    text = _EDITED.sub(lambda found: _BY[found[1]], text)
    return _VERSUS.sub(_versus, text)


def with_figures(text: str, language: str = "en") -> str:
    """Abbreviations beside figures: "19th c.", "2nd ed.", "(b. 1850)", "the 5th inst.", "pp. 5 ff.", "8vo"."""
    text = _CENTURY.sub(lambda found: "century" + _stop(found), text)
    text = _EDITION.sub("edition", text)
    text = _LIFE.sub(lambda found: _LIVED[found[1] or found[2]], text)
    text = _MONTH_SAID.sub(lambda found: _THAT_MONTH[found[1]] + _stop(found), text)
    text = _FOLLOWING.sub(lambda found: " and following" + _stop(found), text)
    text = _POSITION.sub(lambda found: f"{found[1]}itude ", text)
    return _FORMAT.sub(lambda found: BOOK_FORMATS[found[1]] + _stop(found), text)


def slashed(text: str, language: str = "en") -> str:
    """c/o, w/o and a/c."""
    return _SLASHED.sub(lambda found: SLASHED[found[1]], text)


def manuscripts(text: str, language: str = "en") -> str:
    """MS. and MSS. are manuscripts; runs before capitals are written small, where "MS." would become a title."""
    return _MANUSCRIPT.sub(lambda found: "manuscripts" if found[1] else "manuscript", text)


def _stop(found: re.Match[str]) -> str:
    """The dot again, where it also ended the sentence: nothing follows, or a capital or a closing mark does."""
    rest = found.string[found.end() : found.end() + 3]
    following = rest.lstrip()[:1]
    ends = not following or (rest[0].isspace() and following.isupper()) or rest[0] in '”"'
    return "." if ends and found[0].endswith(".") else ""


def _versus(found: re.Match[str]) -> str:
    return "versus " if _NAMED_BEFORE.search(found.string[max(0, found.start() - 30) : found.start()]) else found[0]


def _title(written: str) -> str:
    said = BEFORE_NAME.get(written) or BEFORE_NAME[written.capitalize()]
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
    said = ANYWHERE[word]
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
