"""What runs by itself: shelves of books, what of them is due, and making it."""
