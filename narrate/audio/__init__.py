"""BRICK: sound. Frames, timelines and loudness are pure.

``codec`` (decode, one segment), ``encoders`` (a chapter) and ``container`` (a file) call PyAV; ``codec`` also soxr and
pydub, ``encoders`` lameenc; ``tags`` alone calls mutagen, ``loudness`` alone pyebur128.
"""
