"""BRICK: text files as people write them, Markdown and plain text; knows bytes no more, and voices not yet.

Markdown: ``dialects`` takes off what belongs to one tool (Liquid, MDX, pandoc, Leanpub), ``render`` makes HTML of the
rest, ``listing`` tells program code from verse, ``order`` finds the order of a folder's files. Plain text: ``layout``
finds paragraphs, ``apparatus`` page numbers and notes, ``headings`` chapters.
"""
