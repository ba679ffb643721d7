"""Tables of abbreviations: what is written short, and what is said. The rules that use them are in abbreviations.py.

A word stands here only if its short form with a dot can hardly be another word at the end of a sentence: "Alex.",
"Ill." and "Sun." are not here.
"""

from __future__ import annotations

BEFORE_NAME = {
    "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Messrs": "Messieurs", "Mme": "Madame", "Mlle": "Mademoiselle",
    "Dr": "Doctor", "Prof": "Professor", "Rev": "Reverend", "Revd": "Reverend", "Hon": "Honourable", "Fr": "Father",
    "Capt": "Captain", "Col": "Colonel", "Gen": "General", "Lt": "Lieutenant", "Lieut": "Lieutenant", "Maj": "Major",
    "Sgt": "Sergeant", "Sergt": "Sergeant", "Cpl": "Corporal", "Pvt": "Private", "Adm": "Admiral", "Cmdr": "Commander",
    "Gov": "Governor", "Sen": "Senator", "Rep": "Representative", "Pres": "President", "Supt": "Superintendent",
    "Insp": "Inspector", "Mt": "Mount", "Ft": "Fort", "Ste": "Sainte", "Pte": "Private", "Brig": "Brigadier",
    "Mdme": "Madame", "Mmes": "Mesdames", "MM": "Messieurs", "Ven": "Venerable", "Rt": "Right",
    "Asst": "Assistant", "Sig": "Signor", "Ld": "Lord", "Bp": "Bishop", "Abp": "Archbishop", "Amb": "Ambassador",
    "Cdr": "Commander", "Atty": "Attorney", "Cpt": "Captain", "Det": "Detective",
    "Prin": "Principal", "Sra": "Señora", "Srta": "Señorita", "Hr": "Herr",
}  # fmt: skip
"""Expanded before a capitalised name, with or without a dot where nothing else can be meant."""

RANKS = {
    "Lt": "Lieutenant", "Lieut": "Lieutenant", "Maj": "Major", "Brig": "Brigadier", "Sergt": "Sergeant",
    "Sgt": "Sergeant", "Col": "Colonel", "Gen": "General", "Gov": "Governor", "Adm": "Admiral", "Com": "Commander",
    "Insp": "Inspector", "Supt": "Superintendent", "Comm": "Commander", "Cmdr": "Commander", "Capt": "Captain",
    "Cdr": "Commander",
}  # fmt: skip
"""Parts of a rank of two: Lt.-Col., Maj.-Gen."""

FIRST_NAMES = {
    "Wm": "William", "Chas": "Charles", "Geo": "George", "Thos": "Thomas", "Jas": "James", "Jno": "John",
    "Robt": "Robert", "Edw": "Edward", "Edwd": "Edward", "Benj": "Benjamin", "Saml": "Samuel", "Danl": "Daniel",
    "Nathl": "Nathaniel", "Richd": "Richard", "Eliz": "Elizabeth", "Fredk": "Frederick", "Alexr": "Alexander",
    "Jonan": "Jonathan", "Margt": "Margaret", "Matth": "Matthew", "Xtopher": "Christopher",
}  # fmt: skip
"""First names as clerks and printers shortened them."""

STATES = {
    "Mass": "Massachusetts", "Conn": "Connecticut", "Penn": "Pennsylvania", "Penna": "Pennsylvania",
    "Minn": "Minnesota", "Mich": "Michigan", "Wis": "Wisconsin", "Tenn": "Tennessee", "Ky": "Kentucky",
    "Fla": "Florida", "Ala": "Alabama", "Ark": "Arkansas", "Calif": "California", "Colo": "Colorado", "Ore": "Oregon",
    "Neb": "Nebraska", "Nebr": "Nebraska", "Kans": "Kansas", "Okla": "Oklahoma", "Va": "Virginia", "Vt": "Vermont",
    "Md": "Maryland", "Nev": "Nevada", "Ariz": "Arizona", "Wyo": "Wyoming",
}  # fmt: skip
"""Behind a place and a comma: Boston, Mass. Those that are also names or words (Tex., Miss., Me.) stay."""

ANYWHERE = {
    "etc": "et cetera", "e.g": "for example", "i.e": "that is", "viz": "namely", "cf": "compare", "vs": "versus",
    "approx": "approximately", "Jr": "Junior", "Sr": "Senior", "Esq": "Esquire", "Co": "Company", "Inc": "Incorporated",
    "Ltd": "Limited", "Corp": "Corporation", "Bros": "Brothers", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road",
    "dept": "department", "Dept": "Department", "ibid": "ibidem", "Ibid": "Ibidem", "govt": "government",
    "Govt": "Government", "Jan": "January", "Feb": "February", "Aug": "August", "Sept": "September", "Oct": "October",
    "Nov": "November", "Dec": "December", "Univ": "University", "Assn": "Association", "et al": "and others",
    "a.k.a": "also known as", "q.v": "which see", "Xmas": "Christmas", "misc": "miscellaneous", "incl": "including",
    "E.g": "For example", "I.e": "That is", "Viz": "Namely", "Cf": "Compare", "Jnr": "Junior", "Snr": "Senior",
    "Esqr": "Esquire", "Tues": "Tuesday", "Thurs": "Thursday", "Thur": "Thursday", "op. cit": "op cit",
    "loc. cit": "loc cit", "bldg": "building", "Bldg": "Building",
} | FIRST_NAMES  # fmt: skip
"""Expanded wherever they end in a dot. The dot stays where the sentence ends."""

BEFORE_NUMBER = {
    "No": "number", "Nos": "numbers", "no": "number", "nos": "numbers", "p": "page", "pp": "pages", "P": "page",
    "Pp": "pages", "PP": "pages", "vol": "volume", "vols": "volumes", "Vol": "Volume", "Vols": "Volumes",
    "ch": "chapter", "Ch": "Chapter", "chap": "chapter", "Chap": "Chapter", "chaps": "chapters", "fig": "figure",
    "Fig": "Figure", "figs": "figures", "Figs": "Figures", "sec": "section", "Sec": "Section", "c": "circa",
    "ca": "circa", "ed": "edition", "art": "article", "Art": "Article", "l": "line", "ll": "lines", "v": "verse",
    "vv": "verses", "op": "opus", "Op": "Opus", "tel": "telephone", "Tel": "Telephone", "ext": "extension",
    "ver": "version",
    "Pt": "Part", "pt": "part", "Bk": "Book", "bk": "book", "sc": "scene", "Sc": "Scene",
    "Chaps": "Chapters", "secs": "sections", "Secs": "Sections", "eq": "equation", "Eq": "Equation", "eqs": "equations",
    "Eqs": "Equations", "n": "note", "nn": "notes", "Apt": "Apartment", "apt": "apartment", "Bldg": "Building",
    "Rm": "Room", "Ste": "Suite", "para": "paragraph", "paras": "paragraphs", "Para": "Paragraph", "pop": "population",
    "Pl": "Plate", "fol": "folio", "Fol": "Folio", "Mk": "Mark", "max": "maximum", "arts": "articles",
    "Lib": "Book", "lib": "book",
}  # fmt: skip

DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday",
    "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip
"""Expanded before a date or a part of the day only: "Sun." and "Sat." end sentences too."""

SLASHED = {"c/o": "care of", "w/o": "without", "w/": "with", "a/c": "account", "b/c": "because"}

BOOK_FORMATS = {"4to": "quarto", "8vo": "octavo", "12mo": "duodecimo", "16mo": "sextodecimo", "2o": "folio"}
