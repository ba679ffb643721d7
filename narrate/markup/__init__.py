"""BRICK: marked-up text to passages. Shared by every loader; knows no file format, and decides nothing.

``parse`` reads hostile XHTML into a tree (``decoding`` its bytes), ``notes`` finds note references and their bodies,
``walk`` goes through the tree: ``states`` is what an element passes on, ``silence`` and ``senses`` what its names
mean, ``gathering``, ``shaping`` and ``folding`` make clean text of what stands in it and keep every place,
``composing`` hands out the blocks. A craft has a room each: tables, lists, verse, ruby, formulas, drop caps
(``initials``), superscripts (``raised``), scene breaks, and sentences that a page break cut in two (``mending``).
"""
