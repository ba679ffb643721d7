"""Job files: settings in TOML, read in layers into a Job; and what is written of them for people and for editors.

``table`` names every setting once: how it is read, what it does, what an editor should know, how layers join.
"""
