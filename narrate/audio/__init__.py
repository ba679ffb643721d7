"""BRICK: sound. Frames, timelines and loudness are pure.

``codec`` alone calls PyAV, lameenc, soxr and pydub; ``tags`` alone calls mutagen; ``loudness`` alone pyebur128.
"""
