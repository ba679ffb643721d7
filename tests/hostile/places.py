"""Where a source lies: pipes, devices, links, folders, names."""

# ruff: noqa: E501 - pieces of books read better whole
from __future__ import annotations

import os

from tests.hostile.cases import Place, case, n


@case(4)
def a_pipe(place: Place) -> str:
    os.mkfifo(place.folder / "book.md")
    return "book.md"


@case(4)
def a_link_to_zeros(place: Place) -> str:
    (place.folder / "book.txt").symlink_to("/dev/zero")
    return "book.txt"


@case(4)
def a_link_to_itself(place: Place) -> str:
    (place.folder / "book.md").symlink_to("book.md")
    return "book.md"


@case(0)
def a_folder_that_holds_itself(place: Place) -> str:
    shelf = place.folder / "shelf"
    shelf.mkdir()
    (shelf / "a.md").write_text("# One\n\nText.\n")
    (shelf / "again").symlink_to(shelf)
    (shelf / "pipe.md").symlink_to("/dev/zero")
    (shelf / "out.md").symlink_to(place.secret)
    os.mkfifo(shelf / "wait.md")
    return "shelf"


@case(0)
def a_folder_whose_files_lead_out(place: Place) -> str:
    shelf = place.folder / "shelf"
    shelf.mkdir()
    out = os.path.relpath(place.secret, shelf)
    (shelf / "SUMMARY.md").write_text(
        f"# S\n\n- [A](a.md)\n- [X]({out})\n- [Y]({place.secret})\n- [Z](file://{place.secret})\n"
    )
    (shelf / "a.md").write_text(
        f"---\ncover: {out}\ncover-image: {place.secret}\n---\n# A\n\n{{{{#include {out}}}}}\n\n{{% include {out} %}}\n\n![x]({out})\n\n"
        f"<iframe src='{place.secret}'></iframe>\n\n!include {out}\n\n--8<-- \"{out}\"\n\nText.\n"
    )
    (shelf / "book.toml").write_text(f'[book]\nsrc = "{os.path.relpath(place.secret.parent, shelf)}"\ntitle = "T"\n')
    return "shelf"


@case()
def a_folder_that_is_deep(place: Place) -> str:
    here = place.folder / "shelf"
    for _ in range(100):
        here = here / "deeper"
    here.mkdir(parents=True)
    (here / "a.md").write_text("# One\n\nText.\n")
    return "shelf"


@case(4)
def a_folder_of_too_many_files(place: Place) -> str:
    shelf = place.folder / "shelf"
    shelf.mkdir()
    for number in range(n(5_100)):
        (shelf / f"{number}.md").touch()
    return "shelf"


@case()
def a_summary_in_a_circle(place: Place) -> str:
    shelf = place.folder / "shelf"
    shelf.mkdir()
    (shelf / "SUMMARY.md").write_text("- [S](SUMMARY.md)\n" * 100 + "- [A](a.md)\n" * n(5_000))
    (shelf / "a.md").write_text("# A\n\nText. {{#include a.md}} {{#include SUMMARY.md}}\n")
    return "shelf"


@case()
def a_file_whose_name_drives(place: Place) -> str:
    name = "a\x1b[31m\n\u202ebook\x07.md"
    (place.folder / name).write_text("# T\n\nText.\n")
    return name


@case(4)
def an_empty_file_whose_name_drives(place: Place) -> str:
    name = "a\x1b[31m\n\u202ebook\x07.epub"
    (place.folder / name).write_bytes(b"no book")
    return name


@case(4)
def a_missing_file_whose_name_drives(place: Place) -> str:
    return "gone\x1b[31m\n\u202e\x07.txt"


@case(None)
def a_name_that_is_not_unicode(place: Place) -> str:
    name = b"b\xff\xfe.md".decode("utf-8", "surrogateescape")
    (place.folder / name).write_text("Text.\n")
    return name
