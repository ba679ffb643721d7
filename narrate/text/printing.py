"""Rules about what print leaves in a text: words parted at a line's end, letters in an editor's brackets, oaths."""

from __future__ import annotations

import re

_ENDINGS = (
    "tions?|sions?|cions?|ments?|ings?|ness|nesses|ity|ities|ous|ously|ances?|ences?|able|ible|tives?|sive|tures?|"
    "ble|bly|ple|dle|gle|ted|ded|tial|cial|cian|cious|tious|ally|ily|ty|ry|cy|mently|edly|ingly|ful|fully|ward|wards"
)
_PARTED = re.compile(rf"(?<![\w-])([A-Za-z][a-z]+)- ({_ENDINGS})(?![\w’'-])")
_LETTERS = re.compile(r"(?<!\w)\[([A-Za-z]{1,4})\](?=[a-z’'])|(?<=[a-z])\[(e?d|e?s|ing|e?n|e?r|ly|e)\](?![\w\[])")
_LEFT_OUT = re.compile(r"[\[(]\s?(?:…|\.(?: ?\.){2,3})\s?[\])]")
_OATHS = {
    "d—n": "damn", "d—ns": "damns", "d—d": "damned", "d—ned": "damned", "d—nd": "damned", "d—nable": "damnable",
    "d—nably": "damnably", "d—nation": "damnation", "h—l": "hell", "G—d": "God", "b—y": "bloody", "b—h": "bitch",
    "D—n": "Damn", "D—d": "Damned", "D—nation": "Damnation", "H—l": "Hell", "b—dy": "bloody", "w—e": "whore",
}  # fmt: skip
_OATH = re.compile(
    r"(?<![\w—–-])([dDhHGbw])(?:—{1,2}|-{2,4}|–)(n|ns|d|ned|nd|nable|nably|nation|l|y|h|dy|e)(?![\w’'—-])"
)


def printing(text: str, language: str = "en") -> str:
    """Join a word parted at the end of a printed line where the second half is no word ("atten- tion"); read the
    letters that an editor put in brackets as part of their word ("[t]he"); what an editor left out is a pause."""
    text = _PARTED.sub(r"\1\2", text)
    text = _LETTERS.sub(lambda found: found[1] or found[2], text)
    return _LEFT_OUT.sub("…", text)


def oaths(text: str, language: str = "en") -> str:
    """Oaths that print hid behind a dash, as every reader reads them: "d—n". Names ("Mr. B—") keep their dash."""
    return _OATH.sub(lambda found: _OATHS.get(f"{found[1]}—{found[2]}", found[0]), text)
