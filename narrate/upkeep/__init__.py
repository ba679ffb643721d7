"""Looking after a store: finding damage, making room, keeping what must stay. Nothing here is needed to make a book."""
