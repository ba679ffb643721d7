"""Languages as books write them."""

from __future__ import annotations

import pytest

from narrate.audio.languages import bcp_47, iso_639_2


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("eng", "en"),
        ("en_GB", "en-GB"),
        ("English", "en"),
        ("fre", "fr"),
        ("fra", "fr"),
        ("ger", "de"),
        ("pt-BR", "pt-BR"),
        ("ja-jp", "ja-jp"),
        ("", ""),
        ("tlh", "tlh"),
    ],
)
def test_as_books_write_it(written: str, tag: str) -> None:
    assert bcp_47(written) == tag


def test_three_letters() -> None:
    assert [iso_639_2(tag) for tag in ("en-GB", "fr", "de", "xx")] == ["eng", "fra", "deu", ""]
