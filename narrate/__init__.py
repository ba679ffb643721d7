"""narrate: books and documents in, finished audiobooks out."""

__version__ = "0.1.0"
