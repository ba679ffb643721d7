"""FAMILY: arguments -> exit code. One file per command, named as the user types it."""


def clock(milliseconds: int) -> str:
    """A duration as h:mm:ss."""
    seconds = round(milliseconds / 1000)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
