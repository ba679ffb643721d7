"""Markdown: the worst cases of its parsers, and front matter."""

# ruff: noqa: E501 - pieces of books read better whole
from __future__ import annotations

from collections.abc import Callable

from tests.hostile.cases import FULL, PROSE, n, size, texts


def _many(count: int, line: str) -> Callable[[], str]:
    return lambda: "# T\n\nText.\n\n" + line * count


texts(
    ".md",
    {
        "open brackets": _many(size(1_000_000, 100_000), "["),
        "brackets that close": lambda: "x\n\n" + "[" * n(50_000) + "a" + "]" * n(50_000),
        "links in links": lambda: "x\n\n" + "[a](" * n(50_000) + ")" * n(50_000),
        "open emphasis": _many(n(100_000), "*a_ "),
        "emphasis of every length": lambda: "x\n\n" + " ".join("*" * (n % 50 + 1) + "a" for n in range(n(20_000))),
        "underscores": _many(n(100_000), "_a__"),
        "open pictures": _many(n(100_000), "![["),
        "quotations": lambda: "x\n\n" + "> " * n(10_000) + "a",
        "lists in lists": lambda: "x\n\n" + "".join("  " * n + "- a\n" for n in range(n(1_000))),
        "many list marks in a line": lambda: "x\n\n" + "- " * n(10_000) + "a",
        "quotation and list by turns": lambda: "x\n\n" + "> - " * n(5_000) + "a",
        "a line of ten megabytes": lambda: "x\n\n" + PROSE * (size(10 << 20, 100_000) // len(PROSE)),
        "open tags": _many(size(1_000_000, 100_000), "<"),
        "tags that never end": _many(n(100_000), "<a "),
        "open comments": _many(n(100_000), "<!-- "),
        "open instructions": _many(n(100_000), "<?"),
        "open cdata": _many(n(100_000), "<![CDATA["),
        "backticks of rising length": lambda: "x\n\n" + " ".join("`" * n for n in range(1, size(3_000, 600))),
        "a backtick of many": lambda: "x\n\n" + "`a" * n(200_000),
        "a wide table": lambda: "x\n\n" + "|a" * n(10_000) + "\n" + "|-" * n(10_000) + "\n" + "|b" * n(10_000) + "\n",
        "a table of few and many cells": lambda: (
            "x\n\n" + "|a" * size(2_000, 50) + "\n" + "|-" * size(2_000, 50) + "\n" + "|b\n" * size(20_000, 200)
        ),
        "definitions of links": lambda: "x\n\n" + "".join(f"[a{n}]: http://x\n" for n in range(size(100_000, 5_000))),
        "definitions that never end": lambda: "x\n\n" + "[a]: <" * n(100_000),
        "uses of one link": lambda: "x\n\n[a]: http://x\n\n" + "[a] " * n(100_000),
        "notes": lambda: "x\n\n" + "".join(f"a[^{n}]\n\n[^{n}]: N {n}\n\n" for n in range(size(20_000, 1_000))),
        "references to one note": lambda: "x\n\n[^1]: N\n\n" + "a[^1] " * size(50_000, 5_000),
        "notes in notes": lambda: "x^[" * n(20_000) + "]" * n(20_000),
        "notes in a circle": lambda: "x[^1]\n\n[^1]: a[^2]\n\n[^2]: b[^1]\n",
        "escapes": _many(n(500_000), "\\*"),
        "entities": _many(size(300_000, 3_000), "&amp;&#0;&x;"),
        "dollars": _many(n(200_000), "$x"),
        "double dollars": _many(n(100_000), "$$\n"),
        "headings": _many(size(50_000, 1_500), "## x\n"),
        "setext lines": _many(n(20_000), "a\n===\n"),
        "rules": _many(n(50_000), "***\n\n"),
        "fences": _many(n(30_000), "```\nx\n"),
        "fences in quotations": _many(n(10_000), "> ```\n"),
        "divs": _many(n(20_000), '<div markdown="1">\n\n'),
        "colons": _many(n(10_000), "::: note\n"),
        "colons that rise": lambda: "".join(":" * (n % 300 + 3) + " x\n" for n in range(n(5_000))),
        "admonitions in admonitions": lambda: "".join("    " * n + "!!! note\n" for n in range(300)),
        "braces": _many(size(200_000, 5_000), "{% x {{ "),
        "open braces": _many(n(500_000), "{"),
        "attributes": _many(n(20_000), "# x {#a .b c=d\n"),
        "wiki links": _many(n(100_000), "[[a|"),
        "definition lists": _many(n(20_000), "a\n: b\n\n"),
        "pipes": _many(n(500_000), "|"),
        "tildes and signs": _many(n(100_000), "~a^b==c"),
        "addresses": _many(size(50_000, 2_000), "https://a.b/c_d_e "),
        "mails": _many(n(100_000), "a@b."),
        "quotes": _many(n(200_000), "\"'"),
        "tabs": lambda: "x\n\n" + "\t" * n(500_000) + "x\n" + " \t" * n(300_000) + "- x",
        "blanks": lambda: "x\n\n" + " " * n(1_000_000) + "x" + " " * n(1_000_000),
        "blank lines": lambda: "x\n" + "\n" * size(590_000, 40_000) + "y",
        "blank lines with blanks": lambda: "x\n" + " \n" * size(590_000, 40_000) + "y",
        "dashes": lambda: "x\n\n" + "- " * n(200_000) + "\n" + "-" * n(500_000),
        "hashes": lambda: "x\n\n" + "#" * n(500_000) + " x " + "#" * n(500_000),
        "equals": lambda: "x\n" + "=" * n(1_000_000),
        "numbers of lists": lambda: "x\n\n" + "1. " * n(5_000) + "\n" + "9" * n(1_000_000) + ". x",
        "nested html": lambda: "x\n\n" + "<b>" * n(100_000),
        "a script": lambda: (
            "# T\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))\n\n![y](file:///etc/passwd)\n\nText.\n"
        ),
        "YAML bomb": lambda: (
            "---\n"
            + "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
            + "title: *a11\nauthor: *a11\n---\n\nText.\n"
        ),
        "YAML that runs": lambda: (
            '---\ntitle: !!python/object/apply:os.system ["touch owned"]\nauthor: !!python/name:os.system\n---\n\nText.\n'
        ),
        "YAML in a circle": lambda: "---\na: &a [*a]\ntitle: &b {x: *b}\nauthor: *a\n---\n\nText.\n",
        "YAML that is deep": lambda: "---\ntitle: " + "[" * n(50_000) + "\n---\n\nText.\n",
        "YAML that is long": lambda: "---\n" + "".join(f"k{n}: v\n" for n in range(n(20_000))) + "---\n\nText.\n",
        "YAML with a date": lambda: (
            "---\ntitle: 2001-99-99\ndate: 9999999-01-01\norder: .inf\nlang: !!binary x\n---\n\nText.\n"
        ),
        "YAML with a number": lambda: "---\norder: " + "9" * n(100_000) + "\ntitle: 1:59:59\n---\n\nText.\n",
        "YAML without end": lambda: "---\n" + "a: b\n" * n(100_000),
        "TOML that is deep": lambda: "+++\ntitle = " + "[" * n(50_000) + "\n+++\n\nText.\n",
        "TOML with deep tables": lambda: "+++\n[" + ".".join(["a"] * n(20_000)) + "]\nx = 1\n+++\n\nText.\n",
        "TOML with a number": lambda: "+++\ntitle = " + "9" * n(100_000) + "\n+++\n\nText.\n",
        "controls": lambda: "# T \x1b[31m\x9b\u202e\n\nText \x1b]0;x\x07 \u2066 \x85 \x00 y\n\n## \x1b[2J\n",
        "a title in front matter that drives": lambda: (
            '---\ntitle: "A\\x9b31m \\x1b[2J \\u202e B"\nauthor: "x\\e[1m"\n---\n\nText.\n'
        ),
        "null bytes": lambda: "# T\n\n" + "a\0" * n(10_000),
    },
    None,
    80.0 if FULL else 30.0,
)
