"""BRICK: marked-up text to passages, and passages to chapters. Shared by every loader; knows no file format.

``parse`` reads hostile XHTML into a tree, ``notes`` finds note references and their bodies, ``walk`` turns a tree into
passages, ``outline`` divides passages into chapters, ``matter`` tells front and back matter by its form, ``gutenberg``
finds Project Gutenberg's header and licence. ``elements`` is the table of what each element means to a listener.
"""
