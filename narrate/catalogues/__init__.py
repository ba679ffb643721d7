"""FAMILY: where many books are named at once: a list, a Calibre library, a feed. Each gives what it ``Listed``.

A catalogue says where a book lies and what is to be known of it; it does not know what a shelf does with that.
"""
