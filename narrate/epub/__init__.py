"""BRICK: the EPUB container, and ebooklib's one door.

``Container`` reads members within limits and never writes; ``read_package`` gives metadata, reading order and contents.
"""

from narrate.epub.container import Container
from narrate.epub.contents import Entry, Landmark
from narrate.epub.package import Item, Package, read_package

__all__ = ["Container", "Entry", "Item", "Landmark", "Package", "read_package"]
