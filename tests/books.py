"""Small books made in memory, for tests that need no file."""

from __future__ import annotations

from narrate.book import Block, BlockKind, Book, Chapter, Metadata


def block(text: str, kind: BlockKind = "paragraph", anchor: str = "", language: str = "") -> Block:
    return Block(kind, text, anchor or "a.md:1", language)


def book(*chapters: Chapter, title: str = "A Book", language: str = "en") -> Book:
    size = sum(block.characters for chapter in chapters for block in chapter.blocks)
    return Book(Metadata(title, ("An Author",), language), chapters, (), size, "a.md")


def chapter(title: str, *texts: str | Block, kind: str = "chapter", role: str = "body") -> Chapter:
    blocks = tuple(
        text if isinstance(text, Block) else block(text, anchor=f"{title}#{n}") for n, text in enumerate(texts)
    )
    return Chapter(title, blocks, role=role, kind=kind)  # type: ignore[arg-type]
