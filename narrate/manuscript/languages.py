"""The language of a text that does not say it, by its commonest words and by its script."""

from __future__ import annotations

import re
from collections import Counter

_LOOK = 20_000  # characters
_FEWEST = 20  # words of the table, before anything is said
_MARGIN = 1.5  # times as many as of the next language
_WORDS = {
    "en": "the and of to in that was he it his with for had as not be you is on her she at",
    "fr": "le les et des du est une que qui dans pour pas sur au il avec ne se plus sont elle vous",
    "de": "der die und das den nicht von sie ist des sich mit dem er es ein auf eine auch als",
    "es": "el los y que en las un por con no una su para es al lo como más pero se",
    "it": "il che di e la non un per è una in del si con le gli da come della era",
    "pt": "o que e não um uma os do da em com para se por as mais dos como seu ao",
    "nl": "de het een en van ik te dat die in niet zijn was hij op met voor er maar",
}
_SCRIPTS = (
    (re.compile("[\u3040-\u30ff]"), "ja", 0.05),
    (re.compile("[\u4e00-\u9fff]"), "zh", 0.3),
    (re.compile("[\uac00-\ud7a3]"), "ko", 0.3),
    (re.compile("[\u0590-\u05ff]"), "he", 0.3),
    (re.compile("[\u0600-\u06ff]"), "ar", 0.3),
    (re.compile("[\u0370-\u03ff]"), "el", 0.3),
)


_NAMED = re.compile(r"\blang=[\"']?([A-Za-z]{2,3}(?:-\w+)*)")


def in_its_language(shown: str, attributes: str) -> str:
    """The HTML ``shown`` in the language that the attributes of a span name ("{lang=fr}"), if they name one."""
    language = _NAMED.search(attributes)
    return f'<span lang="{language.group(1)}">{shown}</span>' if language else shown


def guess_language(text: str) -> str:
    """The language, or "" when it is not plain."""
    text = text[:_LOOK]
    letters = max(1, sum(map(str.isalpha, text)))
    for script, language, share in _SCRIPTS:
        if len(script.findall(text)) >= share * letters:
            return language
    seen = Counter(re.findall(r"[^\W\d_]+", text.lower()))
    sizes = {language: sum(seen[word] for word in words.split()) for language, words in _WORDS.items()}
    best, second = sorted(sizes, key=lambda language: -sizes[language])[:2]
    return best if sizes[best] >= _FEWEST and sizes[best] >= _MARGIN * sizes[second] else ""


_NAMES = {
    "en": "english",
    "fr": "french français francais",
    "de": "german deutsch",
    "es": "spanish español castellano castilian",
    "it": "italian italiano",
    "pt": "portuguese português",
    "nl": "dutch nederlands",
    "ja": "japanese 日本語",
    "zh": "chinese 中文",
    "la": "latin",
    "el": "greek",
    "fi": "finnish suomi",
    "sv": "swedish svenska",
    "da": "danish dansk",
    "no": "norwegian norsk",
    "hu": "hungarian magyar",
    "pl": "polish polski",
    "cs": "czech",
    "ru": "russian русский",
    "eo": "esperanto",
    "ca": "catalan",
    "tl": "tagalog",
    "cy": "welsh",
    "is": "icelandic",
    "he": "hebrew",
    "ar": "arabic",
    "ko": "korean",
    "af": "afrikaans",
    "ga": "irish",
    "gl": "galician",
    "ro": "romanian",
    "tr": "turkish",
    "uk": "ukrainian",
    "bg": "bulgarian",
    "sr": "serbian",
}


def language_named(name: str) -> str:
    """The BCP 47 tag of a language by its name, or ""."""
    words = re.findall(r"\w+", name.lower())
    return next((tag for word in words[:2] for tag, names in _NAMES.items() if word in names.split()), "")
