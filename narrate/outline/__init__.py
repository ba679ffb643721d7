"""BRICK: passages to chapters. Shared by every loader; knows no file format.

``chapters`` divides passages where a loader says that chapters begin, ``titles`` names them, ``matter`` and ``kinds``
tell front and back matter by its form and its name, ``heads`` finds headings that stand again on every page,
``gutenberg`` Project Gutenberg's header and licence.
"""
