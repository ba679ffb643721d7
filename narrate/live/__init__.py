"""Speech from text as it is written: who listens, who speaks, where the sound goes, and the book it may become."""
