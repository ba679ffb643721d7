"""``python -m narrate`` is the command ``narrate``."""

from narrate.cli import main

if __name__ == "__main__":
    main()
