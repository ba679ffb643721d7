"""Rules about addresses: URLs, e-mail addresses, @names, #tags and file names are said part by part."""

from __future__ import annotations

import re

_WORDS = {
    # language: (dot, at, slash, dash, underscore)
    "en": ("dot", "at", "slash", "dash", "underscore"),
    "de": ("Punkt", "at", "Schrägstrich", "Strich", "Unterstrich"),
    "fr": ("point", "arobase", "barre oblique", "tiret", "tiret bas"),
    "es": ("punto", "arroba", "barra", "guion", "guion bajo"),
    "it": ("punto", "chiocciola", "barra", "trattino", "trattino basso"),
    "pt": ("ponto", "arroba", "barra", "hífen", "sublinhado"),
    "nl": ("punt", "apenstaartje", "schuine streep", "streepje", "laag streepje"),
}

_EMAIL = re.compile(
    r"(?<![\w.%+-])(?:mailto:)?([A-Za-z0-9][\w.%+-]{0,63})@([A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})"
)
_URL = re.compile(r"\b(?:(?:https?|ftps?|file)://|www\.)[^\s<>“”\"]+", re.IGNORECASE)
_DOMAIN = re.compile(
    r"(?<![\w@./-])((?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,6}(?:com|org|net|edu|gov|io|info|app|dev|co\.uk|ac\.uk|eu|de|fr))"
    r"((?:/[^\s<>“”\"]*)?)(?![\w@])"
)
_TRAILING = ".,;:!?)]}’'…"
_NAME = re.compile(r"(?<!\w)@(?=[A-Za-z_])")
_TAG = re.compile(r"(?<![\w&])#(?=[A-Za-z]{2})")
_FILE = re.compile(
    r"(?<![\w.])([A-Za-z][\w-]{0,63})\.(txt|pdf|md|html?|js|py|json|csv|toml|ya?ml|jpe?g|png|mp3|docx?|exe|zip)\b"
)
_PATH = re.compile(
    r"(?<![\w/.<~])(?:[~.]{0,2}/(?:[\w.-]{1,64}/){1,12}[\w.-]{0,64}|(?:[\w-]{1,64}/){1,12}[\w-]{1,64}\.[a-z]{2,4}\b)"
)
_DRIVE = re.compile(r"(?<!\w)([A-Za-z]):\\([\w.\\-]{1,200})")
_RUNS = re.compile(r"\d+|[^\W\d_]+|[^\s\w]|_")
_SCHEME = re.compile(r"^(?:[A-Za-z]+:)?//(?:www\.)?|^www\.", re.IGNORECASE)


def addresses(text: str, language: str = "en") -> str:
    """E-mail addresses, URLs and bare domain names. The scheme and "www" are left out, everything else is said."""
    words = _WORDS.get(language.partition("-")[0].lower())
    if words is None or not ("." in text or "://" in text):
        return text
    text = _EMAIL.sub(lambda found: f"{_say(found[1], words)} {words[1]} {_say(found[2], words)}", text)
    text = _URL.sub(lambda found: _url(found[0], words), text)
    return _DOMAIN.sub(lambda found: _url(found[0], words), text)


def _url(url: str, words: tuple[str, ...]) -> str:
    bare = url.rstrip(_TRAILING)
    rest = url[len(bare) :]
    said = _say(_SCHEME.sub("", bare).rstrip("/"), words)
    return (said or bare) + rest


def _say(address: str, words: tuple[str, ...]) -> str:
    dot, at, slash, dash, underscore = words
    names = {".": dot, "@": at, "/": slash, "-": dash, "_": underscore}
    said = [names.get(run, "" if not run.isalnum() else run) for run in _RUNS.findall(address)]
    return " ".join(filter(None, said))


def _path(path: str) -> str:
    bare = path.rstrip(".")
    names = {".": "dot", "/": "slash", "\\": "backslash", "-": "dash", "_": "underscore", "~": "tilde"}
    said = " ".join(names.get(run, run) for run in _RUNS.findall(bare))
    return said + path[len(bare) :]


def handles(text: str, language: str = "en") -> str:
    """@name, #TagOfWords, file.txt and paths of files in English."""
    if "/" in text:
        text = _PATH.sub(lambda found: _path(found[0]), text)
    text = _DRIVE.sub(lambda found: f"{found[1]} drive {_path(found[2])}", text)
    text = _FILE.sub(lambda found: f"{found[1].replace('_', ' ')} dot {found[2]}", text)
    text = _NAME.sub("at ", text)
    return _TAG.sub("hashtag ", text) if "#" in text else text
