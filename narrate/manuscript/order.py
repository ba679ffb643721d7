"""In which order the Markdown files of a folder are one book.

A list of the contents decides, where the folder has one (mdBook's and GitBook's SUMMARY.md, Leanpub's Book.txt, the
tables of MkDocs, Quarto, bookdown and Jupyter Book, docsify's sidebar); else the order the files give themselves, else
their names. No list leads out of the folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

from narrate.bounds import Bounds
from narrate.errors import SourceError
from narrate.files import inside, natural, read_file, text_files
from narrate.frontmatter import Fields, is_off, metadata, number_of, read_table, split_front_matter
from narrate.manuscript.summary import links
from narrate.markup.parse import decode_text

INDEXES = ("_index", "index", "readme")
_ORDER_FIELDS = ("order", "weight", "nav_order", "sidebar_position", "position", "chapter")
_DRAFT_FOLDERS = {"_drafts", "drafts"}
# Files that belong to a repository and not to the book in it; a name in capitals is the second sign.
_REPOSITORY = frozenset(
    [
        *("LICENSE", "LICENCE", "COPYING", "CONTRIBUTING", "CODE_OF_CONDUCT", "CHANGELOG", "CHANGES", "HISTORY"),
        *("SECURITY", "SUPPORT", "CODEOWNERS", "PULL_REQUEST_TEMPLATE", "ISSUE_TEMPLATE", "GOVERNANCE", "MAINTAINERS"),
        *("SUMMARY", "TODO", "AUTHORS", "CONTRIBUTORS"),
    ]
)
# Folders of these names hold the text and are no part of it.
_PLAIN_FOLDERS = frozenset(
    [
        *("articles", "book", "chapter", "chapters", "content", "contents", "docs", "manuscript", "md", "pages"),
        *("posts", "sections", "source", "src", "text", "texts"),
    ]
)
_DEEPEST = 12  # of lists in lists
_NUMBERED = re.compile(r"(?:\d{4}-\d\d-\d\d|\d{1,3}(?:\.\d{1,3})*)[-_. ]+(?=\D)")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file and the title and depth it has in the order, or a label without a file."""

    path: Path | None
    title: str = ""
    level: int = 1


@dataclass(slots=True)
class Order:
    """The files in reading order, what the folder says of the book, and the files that are no part of it and why."""

    entries: list[Entry] = field(default_factory=list)
    fields: Fields = field(default_factory=dict)
    left_out: list[tuple[Path, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def order_of(folder: Path, suffixes: Sequence[str], bounds: Bounds) -> Order:
    """The order of ``folder``; SourceError when it holds no file of ``suffixes``."""
    reader = _Folder(folder, tuple(suffixes), bounds)
    for name in (_mdbook, _leanpub, _quarto, _bookdown, _jupyter, _mkdocs, _docsify):
        found = name(reader)
        if found is not None and any(entry.path for entry in found.entries):
            return _once(found, reader)
    found = _tree(reader)
    if not found.entries:
        raise SourceError(f"{folder}: holds no Markdown file that is a part of a book")
    return found


def named(path: Path) -> str:
    """A title from a file's name."""
    words = re.sub(r"[-_\s]+", " ", path.resolve().stem).strip()
    return words[:1].upper() + words[1:] if words else path.name


def chapter_named(path: Path) -> str:
    """The title of a chapter from its file's or folder's name, without the number that only sorts it."""
    stem = path.stem if path.suffix.lower() in {".md", ".markdown", ".mdx", ".txt"} or path.is_file() else path.name
    words = re.sub(r"[-_\s]+", " ", _NUMBERED.sub("", stem, count=1)).strip()
    words = re.sub(r"(?<=[^\W\d_])(?=\d)", " ", words)
    return words[:1].upper() + words[1:] if words else path.name


class _Folder:
    """The folder being read: what its files are and what their fields say, each read once."""

    def __init__(self, folder: Path, suffixes: tuple[str, ...], bounds: Bounds) -> None:
        self.folder = folder
        self.suffixes = suffixes
        self.bounds = bounds
        self.files = text_files(folder, suffixes, bounds)
        self._fields: dict[Path, Fields] = {}

    def text(self, path: Path) -> str:
        try:
            text, _ = decode_text(read_file(path, self.bounds), str(path))
        except SourceError:
            return ""
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def fields(self, path: Path) -> Fields:
        if path not in self._fields:
            self._fields[path] = split_front_matter(self.text(path))[0]
        return self._fields[path]

    def table(self, name: str) -> tuple[Path, Fields] | None:
        """The fields of the table ``name``, if the folder has it."""
        path = inside(self.folder, name)
        return (path, read_table(self.text(path), path.suffix)) if path is not None else None

    def file(self, source: Path, href: str) -> Path | None:
        """The file a list names: a path, perhaps escaped, without suffix, or a folder with an index."""
        name = unquote(href).partition("#")[0].partition("?")[0].strip()
        if not name or re.match(r"[a-z][a-z+.-]*:", name, re.IGNORECASE):
            return None
        stems = [name, *(f"{name}{suffix}" for suffix in self.suffixes)]
        indexes = [f"{name.rstrip('/')}/{index}.md" for index in ("index", "README", "_index", "readme")]
        for wished in [*stems, *indexes]:
            path = inside(source, wished)
            if path is not None and path.suffix.lower() in self.suffixes and path.is_relative_to(self.folder.resolve()):
                return path
        return None


Source = Callable[[_Folder], Order | None]


def _mdbook(reader: _Folder) -> Order | None:
    """SUMMARY.md: links nested in lists, under headings that name parts."""
    table = reader.table("book.toml")
    book = (table[1] if table else {}).get("book")
    fields: Fields = {str(key): value for key, value in book.items()} if isinstance(book, Mapping) else {}
    for place in dict.fromkeys([str(fields.get("src", "src")), ".", "docs"]):
        path = inside(reader.folder, f"{place}/SUMMARY.md")
        if path is not None:
            return _from_links(reader, path, fields)
    return None


def _docsify(reader: _Folder) -> Order | None:
    path = inside(reader.folder, "_sidebar.md") or inside(reader.folder, "docs/_sidebar.md")
    return _from_links(reader, path, {}) if path is not None else None


def _from_links(reader: _Folder, path: Path, fields: Fields) -> Order:
    order = Order(fields=fields)
    for title, href, level in links(reader.text(path)):
        file = reader.file(path.parent, href) if href else None
        remote = re.match(r"[a-z][a-z+.-]*:", href, re.IGNORECASE)
        if href and file is None and not remote:
            order.warnings.append(f"{path}: names “{title}”, but {href} is missing")
        if file is not None or not href:
            order.entries.append(Entry(file, title, level))
    return _noted(order, path)


def _leanpub(reader: _Folder) -> Order | None:
    """Book.txt: a file a line; names in braces are orders to the typesetter."""
    path = inside(reader.folder, "Book.txt") or inside(reader.folder, "manuscript/Book.txt")
    if path is None:
        return None
    names = [line.strip() for line in reader.text(path).split("\n")[: reader.bounds.files]]
    names = [name for name in names if name and not name.startswith(("#", "{")) and not name.endswith(":")]
    return _from_items(reader, path, names, path.parent)


def _quarto(reader: _Folder) -> Order | None:
    table = reader.table("_quarto.yml")
    book = (table[1] if table else {}).get("book")
    if table is None or not isinstance(book, Mapping):
        return None
    items = [*_list(book.get("chapters")), *_list(book.get("appendices"))]
    order = _from_items(reader, table[0], items, reader.folder)
    order.fields = {str(key): value for key, value in book.items()}
    return order


def _bookdown(reader: _Folder) -> Order | None:
    table = reader.table("_bookdown.yml")
    return _from_items(reader, table[0], _list(table[1].get("rmd_files")), reader.folder) if table else None


def _jupyter(reader: _Folder) -> Order | None:
    table = reader.table("_toc.yml")
    if table is None:
        return None
    root = {"file": table[1].get("root", "")}
    items = [root, *_list(table[1].get("parts")), *_list(table[1].get("chapters"))]
    return _from_items(reader, table[0], items, reader.folder)


def _mkdocs(reader: _Folder) -> Order | None:
    table = reader.table("mkdocs.yml") or reader.table("mkdocs.yaml")
    if table is None:
        return None
    path, fields = table
    docs = reader.folder / str(fields.get("docs_dir") or "docs")
    order = _from_items(reader, path, _list(fields.get("nav") or fields.get("pages")), docs)
    order.fields = {"title": fields.get("site_name"), "author": fields.get("site_author")}
    return order


def _from_items(reader: _Folder, path: Path, items: Sequence[object], source: Path) -> Order:
    order = Order()
    for title, href, level in _items(items, 1):
        file = reader.file(source, href) if href else None
        if href and file is None and re.match(r"[a-z][a-z+.-]*:", href, re.IGNORECASE) is None:
            order.warnings.append(f"{path}: names {href}, which is missing")
        if file is not None or (title and not href):
            order.entries.append(Entry(file, title, level))
    return order


def _items(items: Sequence[object], level: int) -> Iterator[tuple[str, str, int]]:
    """(title, path, depth) of a nested list as any of the tools writes it."""
    if level > _DEEPEST:
        return
    for item in items:
        if isinstance(item, str):
            yield "", item, level
        elif isinstance(item, Mapping):
            known = {"file", "href", "part", "caption", "chapters", "sections", "contents", "text"} & set(
                map(str, item)
            )
            yield from _described(item, level) if known else _titled(item, level)


def _described(item: Mapping[object, object], level: int) -> Iterator[tuple[str, str, int]]:
    """{file, title, sections} and {part, chapters}; a part is a file or a title."""
    inner = [part for key in ("chapters", "sections", "contents") for part in _list(item.get(key))]
    title = str(item.get("title") or item.get("text") or item.get("caption") or "")
    part = str(item.get("part") or "")
    href = str(item.get("file") or item.get("href") or "")
    if part and "." in part and " " not in part:
        href, part = part, ""
    named = part or title
    if named or href:
        yield named, href, level
    yield from _items(inner, level + bool(named or href))


def _titled(item: Mapping[object, object], level: int) -> Iterator[tuple[str, str, int]]:
    """{title: path} and {title: [more]}."""
    for title, value in item.items():
        if isinstance(value, str):
            yield str(title), value, level
        elif isinstance(value, list):
            yield str(title), "", level
            yield from _items(value, level + 1)


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value] if isinstance(value, (str, Mapping)) else []


def _noted(order: Order, path: Path) -> Order:
    order.left_out.append((path, "contents"))
    return order


def _once(order: Order, reader: _Folder) -> Order:
    """Each file once, at its first place; the files that the list does not name are told to the user."""
    seen: set[Path] = set()
    kept = []
    for entry in order.entries:
        real = entry.path.resolve() if entry.path is not None else None
        if real is None or real not in seen:
            kept.append(entry)
        if real is not None:
            seen.add(real)
    order.entries = kept
    listed = {path for path, _ in order.left_out}
    unnamed = [path for path in reader.files if path.resolve() not in seen | listed and not is_repository(path)]
    if unnamed:
        names = ", ".join(path.relative_to(reader.folder).as_posix() for path in unnamed[:5])
        more = f" and {len(unnamed) - 5:,} more" if len(unnamed) > 5 else ""
        order.warnings.append(f"{reader.folder}: the list of contents does not name {names}{more}; left out")
    return order


def _tree(reader: _Folder) -> Order:
    """Folders are parts, files are chapters; indexes first, then by the order they give, then by name."""
    order = Order()
    files = []
    for path in reader.files:
        reason = _reason(path, reader)
        if reason:
            order.left_out.append((path, reason))
        else:
            files.append(path)
    if not files:
        if not reader.files:
            raise SourceError(f"{reader.folder}: holds no Markdown file")
        return order
    root = _text_folder(files, reader.folder)
    order.entries = _below(root, [path for path in files if path.is_relative_to(root)], 1, reader)
    above = [path for path in files if not path.is_relative_to(root)]
    order.entries = [*(Entry(path) for path in above), *order.entries]
    index = next((path for path in files if path.parent in {root, reader.folder} and _is_index(path)), None)
    if index is not None:
        order.fields = reader.fields(index)
    return order


def _text_folder(files: Sequence[Path], folder: Path) -> Path:
    """The folder that holds the chapters, where the one above it holds an index at most."""
    here = folder
    while True:
        deeper = {path.relative_to(here).parts[0] for path in files if len(path.relative_to(here).parts) > 1}
        beside = [path for path in files if path.parent == here and not _is_index(path)]
        if len(deeper) != 1 or beside or any(path.parent == here for path in files if here != folder):
            return here
        here = here / deeper.pop()
        files = [path for path in files if path.is_relative_to(here)]


def _below(folder: Path, files: Sequence[Path], level: int, reader: _Folder) -> list[Entry]:
    groups: dict[Path, list[Path]] = {}
    for path in files:
        parts = path.relative_to(folder).parts
        groups.setdefault(folder / parts[0], []).append(path)
    entries: list[Entry] = []
    for place in sorted(groups, key=lambda place: _key(place, groups[place], reader)):
        inner = groups[place]
        if inner == [place]:
            entries.append(Entry(place, level=level))
        elif level >= _DEEPEST or place.name.lower().lstrip("_") in _PLAIN_FOLDERS:
            entries += (
                _below(place, inner, level, reader) if level < _DEEPEST else [Entry(path, "", level) for path in inner]
            )
        else:
            entries += _part(place, inner, level, reader)
    return entries


def _part(folder: Path, files: Sequence[Path], level: int, reader: _Folder) -> list[Entry]:
    """A folder as a part: its index, or its name, then what it holds."""
    label = _category(folder, reader).get("label")
    index = next((path for path in files if path.parent == folder and _is_index(path)), None)
    entries = _below(folder, [path for path in files if path != index], level + 1, reader)
    title = str(label) if isinstance(label, str) else ""
    if index is not None:
        return [Entry(index, title or str(reader.fields(index).get("title") or ""), level), *entries]
    return [Entry(None, title or chapter_named(folder), level), *entries]


def _key(place: Path, files: Sequence[Path], reader: _Folder) -> tuple[bool, bool, float, object]:
    """Sorting key: an index first, then what has an order of its own, then the others by name."""
    if list(files) == [place]:
        own = number_of(reader.fields(place), _ORDER_FIELDS)
        return (not (_is_index(place) and own is None), own is None, own or 0, natural(place.name))
    own = number_of(_category(place, reader), ("position",))
    index = next((path for path in files if path.parent == place and _is_index(path)), None)
    if own is None and index is not None:
        own = number_of(reader.fields(index), _ORDER_FIELDS)
    return (True, own is None, own or 0, natural(place.name))


def _category(folder: Path, reader: _Folder) -> Fields:
    """What Docusaurus' _category_ file says of a folder."""
    for suffix in (".json", ".yml", ".yaml"):
        path = inside(reader.folder, (folder / f"_category_{suffix}").relative_to(reader.folder).as_posix())
        if path is not None:
            return read_table(reader.text(path), path.suffix)
    return {}


def _is_index(path: Path) -> bool:
    return path.stem.lower() in INDEXES


def is_repository(path: Path) -> bool:
    """Whether the file is one that a repository has beside its book."""
    return path.stem in _REPOSITORY


def _reason(path: Path, reader: _Folder) -> str:
    """Why a file is no part of the book, or ""."""
    fields = reader.fields(path)
    if is_off(fields, ("draft",), when=True) or is_off(fields, ("published", "publish"), when=False):
        return "draft"
    if any(part.lower() in _DRAFT_FOLDERS for part in path.relative_to(reader.folder).parts[:-1]):
        return "draft"
    return "repository file" if is_repository(path) else ""


def title_of(fields: Mapping[str, object], folder: Path) -> str:
    """The title the fields give, or ""."""
    return replace(metadata(fields, "", folder)).title
