"""Rule about capitals: a line in capitals is read as words, an acronym letter by letter."""

from __future__ import annotations

import re

from narrate.text.characters import listed

ACRONYMS = listed(
    "ABC ACLU AI AIDS AM ATM BA BBC BC BCE BMW BSE CBE CBS CCTV CD CE CEO CFO CIA CIO CNN CPU CSS DC DIY DNA DVD EEC "
    "ECG EEG EU FAQ FBI FIFA FM FTP GCSE GDP GI GMT GP GPS GPU HBO HIV HMS HQ HR HTML HTTP HTTPS IBM ID IMF IP IPO IQ "
    "IRA IRS ISBN IT ITV JFK KGB KKK LA LCD LED LLC LLM LP LSD MA MBA MBE MC MD MI5 MI6 MIT MP MRI MTV NASA NATO "
    "NBA NBC NFL NGO NHL NHS NRA NSA NYC OBE OECD OK PBS PC PDF PE PHD PIN PM PS QC RAF RAM RCA RFC RIP RNA ROM "
    "RSPCA RSVP SAS SMS SOS SS SSL SUV TB TNT TV UAE UFO UK UN UNESCO UNICEF URL US USA USB USSR VAT VCR VHS VIP VPN "
    "WHO WWF WWI WWII XML YMCA YWCA ZIP "
    "IOU NNE ENE ESE SSE SSW WSW WNW NNW NY USD GBP EUR ISSN AD AK PO UTC DJ LSE OAP POW TLS UHF VHF CFC CIO BAFTA RAC"
)
"""Said as they stand: what is no word is spelled by any engine."""

_ALSO_WORDS = listed("AI AM HR ID IT LA LED MA MC OK PIN RAM RIP ROM SS US WHO ZIP AIDS ABC AD PO POW")
"""Acronyms that a line in capitals means as words."""

_AS_SAID = {"WWI": "World War One", "WWII": "World War Two", "US": "U.S.", "PHD": "Ph.D.", "AD": "A.D."}

_NO_VOWELS = listed("MR MRS MS DR ST MT FT LT SGT JR SR LTD VS PP VOL CH HMM HM SHH SH PSST PST TSK BRR GRR NTH ACT")
"""Words of two or three letters, most without a vowel, that are no acronyms."""

_WORD = re.compile(r"(?<![\w.@#&])[^\W\d_](?:[^\W\d_]|[’'-](?=[^\W\d_]))*(?![\w@$£€&]|\.\w)")
_NUMBERED = re.compile(r"-?\d")
LOUD = re.compile(r"[^\W\d_a-z](?:[^\W\d_a-z’'-]|[’'][^\W\d_a-z])").search
"""Two capitals in a row, or with an apostrophe between: "I-I" is not loud."""

_VOWEL = re.compile(r"[AEIOUYÀ-ÖØ-Þ]")
_STARTS_SENTENCE = re.compile(r"(?:^|[.!?…][^\w]*)[\s“”‘\"'(\[—-]*$")
_BETWEEN = re.compile(r"[\s,’'“”\"&-]{0,6}")

_MOSTLY = 0.7
"""The share of all-capital words that makes a line one in capitals: a heading, an inscription, a shout."""


def capitals(text: str, language: str = "en") -> str:
    """Write words in capitals as words. In a line that is mostly capitals only sure acronyms keep theirs."""
    words = [found for found in _WORD.finditer(text) if len(found[0]) > 1]
    loud = [found for found in words if found[0].isupper() and LOUD(found[0])]
    if not loud:
        return text
    shouted = len(loud) >= _MOSTLY * len(words) and not (len(words) == 1 and _is_acronym(loud[0][0]))
    parts, at = [], 0
    for before, found, after in zip([None, *loud[:-1]], loud, [*loud[1:], None], strict=True):
        together = shouted or _together(before, found) or _together(found, after)
        parts += [text[at : found.start()], _said(found, together)]
        at = found.end()
    return "".join(parts) + text[at:]


def _is_acronym(word: str) -> bool:
    return word in ACRONYMS or (not _VOWEL.search(word) and word not in _NO_VOWELS)


def _together(left: re.Match[str] | None, right: re.Match[str] | None) -> bool:
    """Whether two loud words belong to one shout: next to each other, and at least one of them no acronym."""
    if left is None or right is None or (_is_acronym(left[0]) and _is_acronym(right[0])):
        return False
    between = left.string[left.end() : right.start()].replace("I", "").replace("A", "")
    return _BETWEEN.fullmatch(between) is not None


def _said(found: re.Match[str], together: bool) -> str:
    word = found[0]
    means_a_word = together and word in _ALSO_WORDS
    if word in _AS_SAID and not means_a_word:
        return _AS_SAID[word]
    if _is_acronym(word) and not means_a_word:
        return word
    if len(word) < 4 and _NUMBERED.match(found.string, found.end()) and word not in _NO_VOWELS:
        return word  # AK-47, UB40
    if not together and len(word) < 4 and word not in _NO_VOWELS:
        return word  # "NO", "UFO": read as a word where it is one
    said = word.lower()
    pronoun = said.startswith(("i’", "i'"))
    start = found.start()
    leads = _STARTS_SENTENCE.search(found.string[max(0, start - 6) : start]) and (start <= 6 or _after_stop(found))
    return said[:1].upper() + said[1:] if pronoun or leads or word in _NO_VOWELS else said


def _after_stop(found: re.Match[str]) -> bool:
    near = found.string[found.start() - 6 : found.start()]
    return any(mark in near for mark in ".!?…")
