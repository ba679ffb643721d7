"""What was made for the eye, rewritten for the ear: which blocks of a document, what a model says, what is believed."""
