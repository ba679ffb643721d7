"""What divisions of a book are called, in the languages most books are in, and the names producers give their pages.

A title names a kind; whether that is enough is for ``matter`` to judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from narrate.book import ChapterKind

# Behind the name may stand whose it is ("Preface to the Second Edition", "Foreword by A. B.", "Appendix B: Maps").
_BEHIND = (
    r"(?:\s*[:.–—-].*|\s+(?:to|by|for|from|of|and|zur|zum|von|vom|der|des|und|de|du|et|à|a|al|alla|della|do|da|e|y"
    r"|van|bij|en)\s.*)?"
)

_INTRODUCTION = (
    r"(?:an? |the )?(?:general |author.s |editor.s |translator.s |publisher.s |short |brief )?"
    r"(?:introduction|introductory(?: note| essay)?|preface|foreword|preamble|prefatory note)|to the reader"
    r"|(?:author|editor|translator|publisher).?s.? note|a note (?:on|about|from) the (?:text|translation|author"
    r"|edition)"
    r"|vorwort|geleitwort|einleitung|einführung|zur einführung|vorbemerkung|vorrede|an den leser"
    r"|avant-propos|préface|note de l.(?:auteur|éditeur)|note du traducteur|au lecteur|avertissement"
    r"|prefacio|introducción|presentación|nota del autor|nota del traductor|al lector"
    r"|prefazione|introduzione|premessa|nota dell.autore|nota del traduttore|al lettore"
    r"|prefácio|introdução|apresentação|nota do autor|nota do tradutor|ao leitor"
    r"|voorwoord|inleiding|woord vooraf|ten geleide|förord|inledning|forord|indledning|innledning|esipuhe|johdanto"
    r"|przedmowa|wstęp|wprowadzenie|předmluva|úvod|предисловие|введение|вступление|от автора"
    r"|序|序文|序言|自序|前言|引言|导言|導言|はじめに|まえがき|서문|머리말"
)
_AFTERWORD = (
    r"afterword|postface|(?:author|editor|translator).?s.? (?:note|afterword)|nachwort|nachbemerkung|schlusswort"
    r"|posfacio|postfazione|posfácio|nawoord|ten slotte|efterord|etterord|posłowie|doslov|послесловие"
    r"|后记|後記|跋|あとがき|후기"
)
_ACKNOWLEDGEMENTS = (
    r"(?:author.s )?acknowledge?ments?|(?:with )?thanks|thank you|credits and acknowledge?ments|danksagung(?:en)?|dank"
    r"|remerciements|agradecimientos|ringraziamenti|agradecimentos|dankwoord|dankbetuiging|tack|tak|takk|kiitokset"
    r"|podziękowania|poděkování|благодарности|謝辞|致谢|鳴謝|감사의 말"
)
_APPENDIX = (
    r"appendi(?:x|ces)(?: (?:[A-Z]|\d+|[IVX]+))?|anhang(?: (?:[A-Z]|\d+|[IVX]+))?|annexes?|annexe \w+|apéndices?"
    r"|appendice(?: \w+)?|appendici|apêndices?|anexos?|bijlagen?(?: \w+)?|приложени[ея]|附录|附錄|付録|부록"
)
_ABOUT = (
    r"about (?:the |our )?(?:authors?|editors?|translators?|contributors?|illustrators?|narrators?)"
    r"|the authors?|author biography|(?:notes on |list of )?contributors"
    r"|über (?:den autor|die autor(?:in(?:nen)?|en)|den übersetzer)|(?:der|die) autor(?:in|en)?|zum autor|zur autorin"
    r"|à propos de l.aut(?:eur|rice)|l.auteur|l.autrice|biographie de l.auteur"
    r"|(?:sobre|acerca de) (?:el autor|la autora|los autores)|(?:el|la) autora?"
    r"|(?:sull.|l.)aut(?:ore|rice)|sobre [oa] autora?|over de (?:auteurs?|schrijver|schrijfster)|om författaren"
    r"|om forfatteren|o autorze|об авторе|关于作者|作者简介|作者簡介|著者(?:略歴|紹介|について)"
)
_GLOSSARY = (
    r"glossary|list of (?:terms|abbreviations)|abbreviations|glossar|glossaire|glosario|glossario|glossário"
    r"|woordenlijst|verklarende woordenlijst|ordlista|abkürzungsverzeichnis|słowniczek|глоссарий|словарь|术语表|用語集"
)
_BIBLIOGRAPHY = (
    r"(?:selected |select |annotated )?bibliography|references|works cited|works consulted|list of references"
    r"|(?:further|suggested|recommended) reading|sources(?: and further reading)?|literatur(?:verzeichnis|hinweise)?"
    r"|quellen(?:verzeichnis|nachweise?)?|bibliographie|bibliografie|références(?: bibliographiques)?|bibliografía"
    r"|referencias(?: bibliográficas)?|bibliografia|riferimenti bibliografici|referências(?: bibliográficas)?"
    r"|literatuur(?:lijst)?|geraadpleegde literatuur|litteratur|källor|библиография|список литературы|参考文献"
)
_INDEX = (
    r"(?:general |subject |name )?index(?: of .*)?|(?:sach|personen|namen|stichwort|orts)?(?:register|verzeichnis)"
    r"|stichwortverzeichnis|index des .*|índice (?:alfabético|analítico|onomástico|remissivo|temático)"
    r"|indice (?:analitico|dei nomi|alfabetico)|(?:trefwoorden|zaken|personen)?register|sakregister|hakemisto"
    r"|indeks|rejstřík|предметный указатель|索引|색인"
)
_NOTES = (
    r"(?:end ?|foot ?)?notes(?: and references)?|notes to .*|(?:end|fuß)noten|anmerkungen|notes de .*|notas(?: al pie)?"
    r"|note|note al testo|notas de rodapé|noten|eindnoten|voetnoten|noter|przypisy|poznámky|примечания"
    r"|注释|註釋|注|脚注"
)
_CONTENTS = (
    r"(?:table of |brief |detailed )?contents|contents of .*|table des matières|sommaire|inhalt(?:sverzeichnis"
    r"|sübersicht)?"
    r"|índice(?: de contenidos| general)?|contenidos?|tabla de contenidos?|indice|sommario|sumário|inhoud(?:sopgave)?"
    r"|innehåll(?:sförteckning)?|indhold(?:sfortegnelse)?|innhold|sisällys(?:luettelo)?|spis treści|obsah"
    r"|содержание|оглавление|目次|目录|目錄|차례|list of (?:illustrations|plates|figures|tables|maps)"
    r"|(?:abbildungs|tabellen)verzeichnis|table des illustrations|índice de (?:ilustraciones|figuras|tablas)"
)
_DEDICATION = r"dedication|widmung|dédicace|dedicatoria|dedica|dedicatória|opdracht|посвящение|献词|献辞"
_EPIGRAPH = r"epigraphs?|motto|épigraphe|epígrafe|epigrafe|эпиграф"
_COPYRIGHT = (
    r"(?:un)?copyright(?: page| notice| information| ©.*)?"
    r"|legal notice|impressum|imprint|mentions légales|créditos|colofon"
    r"|página (?:legal|de créditos)|derechos de autor|crediti|ficha técnica|копирайт|выходные данные"
    r"|版权(?:页|信息)?|奥付"
)
_ADVERTISEMENT = (
    r"(?:also|other (?:books|works|titles|novels)|(?:more )?(?:books|novels|titles|works)"
    r"|more) (?:available )?(?:by|from) .*"
    r"|by the same author|(?:advance |critical )?(?:praise|acclaim)(?: for .*)?|what (?:readers|people|critics) .*say.*"
    r"|(?:join|sign up).*|newsletter|mailing list|weitere (?:bücher|titel|werke).*|(?:von|vom) (?:derselben"
    r"|demselben|gleichen).*"
    r"|(?:lob|pressestimmen|stimmen) (?:für|zu|zum) .*|pressestimmen|d[ue] (?:la )?même aut(?:eur|rice).*"
    r"|(?:otros|más) (?:libros|títulos|obras) .*|del mismo autor.*|de la misma autora.*|altri libri .*"
    r"|dello stesso autore.*"
    r"|(?:outros|mais) livros .*|d[oa] mesm[oa] autora?.*|van dezelfde (?:auteur|schrijver).*|eerder verschenen.*"
)
_PREVIEW = (
    r"(?:read on|keep reading|turn the page|continue reading|read more)\b.*|(?:an? )?(?:sneak )?(?:excerpt"
    r"|extract|preview|peek)"
    r"(?: (?:from|of|at|:).*)?|(?:a )?bonus (?:chapter|excerpt|preview).*|coming (?:soon|next).*|leseprobe.*|extrait .*"
    r"|(?:un )?(?:adelanto|avance) .*|anteprima .*|excerto .*|voorproefje.*"
)

# kind -> what its division is headed; the order matters where a title fits two
HEADS: Mapping[ChapterKind | str, re.Pattern[str]] = {
    kind: re.compile(f"(?:{pattern}){behind}", re.IGNORECASE)
    for kind, pattern, behind in (
        ("dedication", _DEDICATION, ""),
        ("epigraph", _EPIGRAPH, ""),
        ("introduction", _INTRODUCTION, _BEHIND),
        ("afterword", _AFTERWORD, _BEHIND),
        ("acknowledgements", _ACKNOWLEDGEMENTS, ""),
        ("about the author", _ABOUT, ""),
        ("glossary", _GLOSSARY, _BEHIND),
        ("appendix", _APPENDIX, _BEHIND),
        ("bibliography", _BIBLIOGRAPHY, ""),
        ("index", _INDEX, ""),
        ("notes", _NOTES, ""),
        ("contents", _CONTENTS, ""),
        ("copyright", _COPYRIGHT, ""),
        ("advertisement", _ADVERTISEMENT, ""),
        ("preview", _PREVIEW, ""),
    )
}

SPOKEN_FRONT: tuple[ChapterKind, ...] = ("dedication", "epigraph", "introduction", "acknowledgements", "glossary")
SPOKEN_BACK: tuple[ChapterKind, ...] = (
    "acknowledgements",
    "about the author",
    "afterword",
    "appendix",
    "glossary",
    "dedication",
)
"""Kinds that are read unless a policy says otherwise; for these a title by itself is evidence enough."""

SPOKEN: frozenset[ChapterKind] = frozenset({"chapter", *SPOKEN_FRONT, *SPOKEN_BACK})

# Classes and ids that producers give to a whole page, without their hyphens and digits.
_PAGE_NAMES: dict[str, ChapterKind] = {
    **dict.fromkeys(("titlepage", "title", "fulltitle"), "titlepage"),
    **dict.fromkeys(("halftitle", "halftitlepage", "bastardtitle"), "halftitle"),
    **dict.fromkeys(("copyright", "copyrightpage", "legal", "legalnotice", "imprint", "impressum"), "copyright"),
    **dict.fromkeys(("dedication", "widmung", "dedicace", "dedicatoria"), "dedication"),
    **dict.fromkeys(("epigraph", "frontepigraph", "epigraphpage"), "epigraph"),
    **dict.fromkeys(("foreword", "preface", "introduction", "prefacepage"), "introduction"),
    **dict.fromkeys(("afterword", "postface"), "afterword"),
    **dict.fromkeys(("acknowledgments", "acknowledgements", "acknowledgment", "acknowledgement"), "acknowledgements"),
    **dict.fromkeys(("abouttheauthor", "aboutauthor", "aboutauthors", "authorbio"), "about the author"),
    **dict.fromkeys(("alsoby", "adcard", "adpage", "booklist", "praise", "newsletter", "teaser"), "advertisement"),
    **dict.fromkeys(("appendix", "appendice"), "appendix"),
    **dict.fromkeys(("bibliography", "references"), "bibliography"),
    "glossary": "glossary",
    "index": "index",
    "colophon": "colophon",
    **dict.fromkeys(("toc", "contents", "tableofcontents", "tocpage"), "contents"),
    **dict.fromkeys(("endnotes", "footnotes", "notes"), "notes"),
    **dict.fromkeys(("cover", "coverpage"), "cover"),
}  # fmt: skip


def kinds_of_names(names: Iterable[str]) -> frozenset[ChapterKind]:
    """The kinds that classes and ids of a whole page hint at."""
    letters = ("".join(filter(str.isalpha, name.lower())) for name in names)
    return frozenset(_PAGE_NAMES[name] for name in letters if name in _PAGE_NAMES)


# How much a page may hold (letters and digits) that a guide or a landmark calls so; they often name a file that holds
# the whole book.
LARGEST: Mapping[str, int] = {
    "cover": 1_500,
    "titlepage": 3_000,
    "halftitle": 600,
    "imprint": 5_000,
    "copyright": 15_000,
    "colophon": 10_000,
}

TITLES: dict[ChapterKind, str] = {
    "chapter": "",
    "cover": "Cover",
    "titlepage": "Title Page",
    "halftitle": "Half Title",
    "imprint": "Imprint",
    "copyright": "Copyright",
    "licence": "Licence",
    "colophon": "Colophon",
    "contents": "Contents",
    "notes": "Notes",
    "advertisement": "Advertisement",
    "index": "Index",
    "bibliography": "Bibliography",
    "glossary": "Glossary",
    "dedication": "Dedication",
    "epigraph": "Epigraph",
    "introduction": "Introduction",
    "afterword": "Afterword",
    "acknowledgements": "Acknowledgements",
    "appendix": "Appendix",
    "about the author": "About the Author",
}
"""What a division without a title is called."""

_LOCAL_TITLES: Mapping[str, Mapping[str, str]] = {
    "de": {"dedication": "Widmung", "epigraph": "Motto"},
    "fr": {"dedication": "Dédicace", "epigraph": "Épigraphe"},
    "es": {"dedication": "Dedicatoria", "epigraph": "Epígrafe"},
    "it": {"dedication": "Dedica", "epigraph": "Epigrafe"},
    "pt": {"dedication": "Dedicatória", "epigraph": "Epígrafe"},
    "nl": {"dedication": "Opdracht", "epigraph": "Motto"},
}


def title_of(kind: ChapterKind, language: str) -> str:
    """What a division of this kind is called when the book gives it no title."""
    return _LOCAL_TITLES.get(language.partition("-")[0].lower(), {}).get(kind) or TITLES[kind]
