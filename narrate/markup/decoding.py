"""Bytes to text: by byte order mark, by what the bytes declare as far as it agrees with them, else by how they look."""

from __future__ import annotations

import codecs
import re

import chardet

from narrate.errors import SourceError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_STARTS = ((b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_HEAD = 4096  # bytes in which a declaration is looked for
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s{0,9}=\s{0,9}["']\s{0,9}([\w.:-]{1,40})""")
_META_CHARSET = re.compile(rb"""<meta[^>]{0,300}?charset\s{0,9}=\s{0,9}["']?\s{0,9}([\w.:-]{1,40})""", re.IGNORECASE)
_LANGUAGE = re.compile(rb"""\blang\s{0,9}=\s{0,9}["']([a-zA-Z]{2,3})\b""")

# Browsers read these names as the larger set on the right, and so do the books that use them.
_MEANT = {
    "iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874",
    "shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "big5": "big5hkscs",
}  # fmt: skip
_ALIASES = {
    "x-sjis": "cp932", "windows-31j": "cp932", "x-mac-roman": "mac-roman", "macintosh": "mac-roman", "utf8": "utf-8",
    "x-gbk": "gb18030", "windows-874": "cp874", "unicode": "utf-16", "x-euc-jp": "euc_jp", "ks_c_5601-1987": "cp949",
    "x-x-big5": "big5hkscs", "windows-949": "cp949", "windows-936": "gb18030", "ansi": "cp1252",
}  # fmt: skip
_ALLOWED = re.compile(
    r"utf-(?:8|16|32)(?:-sig|-[bl]e)?|cp\d{3,4}|iso8859-\d{1,2}|koi8-[rut]|kz1048|mac-\w+|shift_jis(?:x0213|_2004)?"
    r"|euc_j(?:p|isx0213|is_2004)|iso2022_\w+|gb18030|hz|big5hkscs|johab"
)
_WIDE = re.compile(r"shift_jis|cp932|cp949|cp950|euc_|iso2022|gb18030|hz|big5|johab")
_BY_LANGUAGE = {
    **dict.fromkeys(
        ["en", "fr", "de", "es", "it", "pt", "nl", "sv", "da", "no", "nb", "nn", "fi", "is", "ca", "eu", "gl", "ga"],
        "cp1252",
    ),
    **dict.fromkeys(["pl", "cs", "sk", "hu", "sl", "hr", "bs", "ro"], "cp1250"),
    **dict.fromkeys(["ru", "uk", "bg", "be", "mk", "sr"], "cp1251"),
    **dict.fromkeys(["lt", "lv", "et"], "cp1257"),
    "el": "cp1253", "tr": "cp1254", "he": "cp1255", "yi": "cp1255", "ar": "cp1256", "fa": "cp1256", "vi": "cp1258",
    "th": "cp874",
}  # fmt: skip
_TABLES = re.compile(r"cp125\d|iso8859-\d+|mac-|cp874")
_LOOK = 200_000  # bytes that are looked at to guess
_FEW = 4  # different letters: too few to tell languages apart
_CONTROLS = re.compile("[\x80-\x9f]")
_STRAY = 4  # good sequences for each bad byte, to be UTF-8 with strays in it
_SURROGATES = re.compile("[\udc80-\udcff]")
# French, Italian, Spanish, Portuguese and German letters, some of which no language of Windows-1250 has.
_WESTERN = frozenset("àâäæçéèêëîïíìñóòôöõœùûüúãáßÀÂÄÇÉÈÊËÎÏÍÑÓÔÖŒÙÛÜÚÃÁ“”‘’«»–—…·°ºª¿¡ ©®§™•„")
_ONLY_WESTERN = frozenset("àèêçñùßãÀÈÊÇÑÙÃ")


def decode(data: bytes, what: str) -> tuple[str, list[str]]:
    """Decode a page; a warning where it is not what it declares."""
    marked = _marked(data)
    if marked is not None:
        return marked, []
    for start, name in _STARTS:
        if data.startswith(start):
            return data.decode(name, "replace"), []
    head = data[:_HEAD]
    declared = _DECLARED.search(head) or _META_CHARSET.search(head)
    said = declared.group(1).decode("ascii", "replace").lower() if declared else "utf-8"
    name = _known(said)
    if name.startswith(("utf-16", "utf-32")):
        name = "utf-8"  # the declaration itself was read byte by byte
    text = _as(data, "utf-8")
    if text is not None and (name == "utf-8" or not _WIDE.search(name)):
        wrong = name != "utf-8" and not data.isascii()
        return text, [f"{what}: is not {said} as it should be; read as utf-8"] if wrong else []
    if name != "utf-8":
        text = _as(data, name) if name else None
        if text is not None:
            return text, []
    return _guess(data, said, what)


def decode_text(data: bytes, what: str) -> tuple[str, list[str]]:
    """Decode a text file, which declares nothing: byte order mark, UTF-16 by its zeros, UTF-8, else how it looks."""
    marked = _marked(data)
    if marked is not None:
        return marked, []
    head = data[:_HEAD]
    zeros = head[0::2].count(0), head[1::2].count(0)
    if max(zeros) > len(head) // 8 and min(zeros) == 0:
        name = "utf-16-le" if zeros[1] else "utf-16-be"
        return data.decode(name, "replace"), [f"{what}: has no byte order mark; read as {name}"]
    if b"\0" in data:
        raise SourceError(f"{what}: is not text; narrate reads EPUB, Markdown and plain text")
    text = _as(data, "utf-8")
    return (text, []) if text is not None else _guess(data, "UTF-8", what)


def _marked(data: bytes) -> str | None:
    """The text behind a byte order mark, if there is one."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            text = _as(data, name)
            if text is None and name == "utf-8-sig":
                return None if _as(data[3:], "utf-8") is None and _strays(data[3:]) is None else _strays(data[3:])
            return text if text is not None else data.decode(name, "replace")
    return None


def _known(said: str) -> str:
    """Python's name for a declared encoding, "" when it has none or it is no encoding of text."""
    try:
        name = codecs.lookup(_ALIASES.get(said, said)).name
    except LookupError:
        return ""
    name = _MEANT.get(name, name)
    return name if _ALLOWED.fullmatch(name) else ""


def _as(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except (UnicodeError, LookupError):
        return None


def _strays(data: bytes) -> str | None:
    """The text when it is UTF-8 but for a few bytes of Windows-1252, else None."""
    text = data.decode("utf-8", "surrogateescape")
    bad = len(_SURROGATES.findall(text))
    good = sum(1 for character in text if character > "\x7f") - bad
    if good < _STRAY * bad:
        return None
    return _SURROGATES.sub(lambda found: bytes([ord(found[0]) - 0xDC00]).decode("cp1252", "replace"), text)


def _guess(data: bytes, declared: str, what: str) -> tuple[str, list[str]]:
    """Read what is neither UTF-8 nor what it declares."""
    mended = _strays(data)
    if mended is not None:
        return mended, [f"{what}: holds bytes that are not UTF-8; they were read as cp1252"]
    for name in (_looks_like(data), "cp1252"):
        text = _as(data, name) if name else None
        if text is not None:
            return text, [f"{what}: is not {declared} as it should be; read as {name}"]
    return data.decode("latin-1"), [f"{what}: is not {declared} as it should be; read as latin-1"]


def _looks_like(data: bytes) -> str:
    """The encoding the bytes look like; of two code pages with the same letters, that of the page's language."""
    found = chardet.detect(_telling(data)).get("encoding")
    name = _known(str(found).lower()) if found else ""
    tongue = _LANGUAGE.search(data[:_HEAD])
    usual = _BY_LANGUAGE.get(tongue.group(1).decode("ascii").lower(), "") if tongue else ""
    if usual and (not name or _TABLES.match(name)) and _as(data, usual) is not None:
        return usual
    if not name or not _WIDE.search(name):
        letters = {character for character in _as(data[:_LOOK], "cp1252") or "\x81" if character > "\x7f"}
        few = len(letters) < _FEW or name not in ("cp1250", "iso8859-2", "mac-latin2")
        if letters <= _WESTERN and (few or letters & _ONLY_WESTERN):
            return "cp1252"
        if _CONTROLS.search(_as(data, name) or "\x81" if name else "\x81"):
            return ""
    return name


def _telling(data: bytes) -> bytes:
    """The part of ``data`` that shows what it is: from its first byte that is not ASCII."""
    first = next((at for at in range(0, len(data), 4096) if not data[at : at + 4096].isascii()), 0)
    return data[first : first + _LOOK]
