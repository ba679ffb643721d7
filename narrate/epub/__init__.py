"""BRICK: the EPUB container, and ebooklib's one door.

``Container`` reads members within bounds and never writes; ``read_package`` gives metadata, reading order and contents;
``pages`` turns pages into passages; ``find_starts`` lays the contents over them.
"""

from narrate.epub.container import Container
from narrate.epub.contents import Entry, Landmark
from narrate.epub.divisions import find_starts
from narrate.epub.package import Item, Package, read_package
from narrate.epub.pages import Reading

__all__ = ["Container", "Entry", "Item", "Landmark", "Package", "Reading", "find_starts", "read_package"]
