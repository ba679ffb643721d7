"""What chapters are called: "CHAPTER I", "Erstes Kapitel", "Глава 3", "第一章", a numeral alone, "Prologue"."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ROMAN = r"(?=[IVXLC])(?:X[LC]|L?X{0,3}|C{1,3}(?:X[LC]|L?X{0,3}))(?:I[XV]|V?I{0,3})"
_FIGURES = r"\d{1,4}(?:\.\d{1,3})?[a-z]?"
_EN = (
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen(?:th)?"
    r"|(?:twent|thirt|fort|fift|sixt|sevent|eight|ninet)(?:y|ieth)(?:[- ](?:one|two|three|four|five|six|seven|eight"
    r"|nine|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth))?|(?:one )?hundred"
    r"|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|last"
)
_FR = (
    r"premi(?:er|ère)|seconde?|(?:deux|trois|quatr|cinqu|six|sept|huit|neuv|dix|onz|douz)ième|derni(?:er|ère)"
    r"|un|deux|trois|quatre|cinq"
)
_DE = (
    r"(?:erst|zweit|dritt|viert|fünft|sechst|siebent|siebt|acht|neunt|zehnt|elft|zwölft|\w+zehnt|\w+zigst|letzt)e[rs]?"
    r"|eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf"
)
_ES = (
    r"primer[oa]?|segund[oa]|tercer[oa]?|cuart[oa]|quint[oa]|sext[oa]|séptim[oa]|octav[oa]|noven[oa]|décim[oa]|últim[oa]"
    r"|primeir[oa]|terceir[oa]|quart[oa]|sét[i]?m[oa]|oitav[oa]|non[oa]|prim[oa]|second[oa]|terz[oa]|sest[oa]|settim[oa]"
    r"|ottav[oa]|decim[oa]|ultim[oa]|uno?|dos|tres|due|tre|quattro|cinque|dois|três"
)
_NL = r"eerste|tweede|derde|vierde|vijfde|zesde|zevende|achtste|negende|tiende|laatste"
_RU = r"(?:перв|втор|трет|четв[её]рт|пят|шест|седьм|восьм|девят|десят|последн)\w{1,2}"
_ORDINAL = rf"(?:{_EN}|{_FR}|{_DE}|{_ES}|{_NL}|{_RU})"
_NUMBER = rf"(?:{_FIGURES}|{_ROMAN}(?![^\W\d_])|(?:the |la |le |der |das |die )?{_ORDINAL}(?![^\W\d_]))"
_WORDS = {
    1: r"volume|vol\.|tome|band|tomo|том",
    2: r"book|livre|buch|libro|livro|boek|книга|part|partie|teil|parte|deel|часть|act|acte|akt|aufzug|acto|atto|ato"
    r"|bedrijf|действие",
    3: r"chapter|chap\.|chapitre|kapitel|cap[íi]tulo|capitolo|hoofdstuk|глава|canto|chant|gesang|letter|lettre|brief"
    r"|carta|lettera|stave|rozdział|kapitola|kapittel|luku",
    4: r"scene|scène|szene|auftritt|escena|scena|cena|toneel|сцена|явление|section|sektion|abschnitt|sección|sezione",
}
_PATTERNS = {
    rank: re.compile(
        rf"(?:(?:{words})\s+{_NUMBER}|{_ORDINAL}\s+(?:{words})(?![^\W\d_]))"
        r"(?P<dot>\s*[.:—–-]+)?(?:\s*(?P<title>\S.{0,100}))?",
        re.IGNORECASE,
    )
    for rank, words in _WORDS.items()
}
_CJK = re.compile(
    r"第\s?[〇零一二三四五六七八九十百千两\d０-９]{1,8}\s?(?P<unit>[章回节節卷部篇集幕場场話话編编折])"
    r"(?:[\s　:：、.．]*(?P<title>.{1,40}))?"
)
_CJK_RANKS = {"卷": 1, "部": 2, "篇": 2, "集": 2, "編": 2, "编": 2, "幕": 2, "場": 4, "场": 4, "节": 4, "節": 4}
_NAMED = re.compile(
    r"(?:the )?(?:prologue|epilogue|preface|foreword|introduction|afterword|conclusion|appendix(?: [a-z\d]+)?"
    r"|dedication|contents|table of contents|postscript|interlude|author.s note|acknowledge?ments?|glossary|notes"
    r"|about the authors?|(?:also|other books) by .{1,40}|bibliography"
    r"|footnotes|index|list of illustrations|illustrations"
    r"|préface|avant-propos|épilogue|conclusion|table des matières|vorwort|nachwort|einleitung|prolog|epilog|inhalt"
    r"|prólogo|epílogo|prefacio|índice|introducción|prefazione|introduzione|epilogo|prologo|indice|prefácio|introdução"
    r"|voorwoord|inleiding|nawoord|предисловие|введение|эпилог|пролог|послесловие|содержание|оглавление)[.:]?",
    re.IGNORECASE,
)
_CJK_NAMED = re.compile(
    r"(?:序章|序幕|序言|序|楔子|引子|前言|自序|終章|终章|尾声|尾聲|后记|後記|跋|附錄|附录|番外"
    r"|はじめに|おわりに|あとがき|まえがき|プロローグ|エピローグ|目次|目录|目錄)"
    r"(?:[\s　:：].{1,30})?"
)
_NUMERAL = re.compile(rf"[\[(—–-]?\s*(?:{_ROMAN}|\d{{1,3}}|[〇一二三四五六七八九十百]{{1,5}})\s*[\])—–-]?\s*[.:]?")
_SENTENCE_END = (".", "!", "?", ",", ";", "…")


@dataclass(frozen=True, slots=True)
class Label:
    """A line that names a chapter: its rank (1 volume, 2 part or act, 3 chapter, 4 scene), and the title it holds."""

    rank: int
    title: str = ""


def label_of(text: str) -> Label | None:
    """What a line that begins with a chapter's number names; a sentence that happens to begin so names nothing."""
    text = text.strip()
    if len(text) > 200 or not text:
        return None
    cjk = _CJK.fullmatch(text)
    if cjk:
        title = cjk.group("title") or ""
        return None if title.endswith(("。", "，", "、")) else Label(_CJK_RANKS.get(cjk.group("unit"), 3), title)
    for rank, pattern in _PATTERNS.items():
        match = pattern.fullmatch(text)
        if match and _is_title(match.group("title") or "", match.group("dot") or ""):
            return Label(rank, match.group("title") or "")
    return None


def _is_title(title: str, mark: str) -> bool:
    """What follows a number is a title when it begins as one; without a mark between, it must not end as a sentence."""
    if not title:
        return True
    first = next((character for character in title if character.isalnum()), "")
    if first.islower():
        return False
    return bool(mark.strip()) or not title.endswith(_SENTENCE_END) or title.isupper()


def is_named(text: str) -> bool:
    """Whether the text is the name of a kind of chapter: a prologue, a preface."""
    return _NAMED.fullmatch(text.strip()) is not None or _CJK_NAMED.fullmatch(text.strip()) is not None


def is_numeral(text: str) -> bool:
    """Whether the text is a number and nothing else: "IV.", "12", "— 3 —"."""
    text = text.strip()
    return any(map(str.isalnum, text)) and _NUMERAL.fullmatch(text) is not None
