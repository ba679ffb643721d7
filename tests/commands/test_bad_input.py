"""Bad input: one clear sentence, the documented exit code, nothing half-written, nothing lost."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

EPUB_CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
    '<rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)


def narrate(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LMNT_", "OPENAI_"))}
    return subprocess.run(
        [sys.executable, "-m", "narrate", *arguments],
        cwd=folder,
        env={**clean, "XDG_CACHE_HOME": str(folder / "cache"), **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
    )


def one_sentence(done: subprocess.CompletedProcess[str], code: int, *says: str) -> None:
    assert done.returncode == code, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("narrate: ")
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    for words in says:
        assert words in done.stderr


def zipped(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.epub", None, "missing.epub"),
        ("empty.epub", b"", "empty"),
        ("empty.md", b"", "empty.md"),
        ("blank.txt", b" \n\n ", "blank.txt"),
        ("fake.epub", b"this is not a zip archive at all", "fake.epub"),
        ("picture.png", b"\x89PNG\r\n", "picture.png"),
        ("ornament.md", b"* * *\n\n---\n", "ornament.md"),
    ],
)
def test_sources_that_are_none(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    one_sentence(narrate(tmp_path, "run", name, "--engine", "tone"), 4, says)
    assert not list(tmp_path.glob("output/*/*"))


def test_a_folder_without_books(tmp_path: Path) -> None:
    (tmp_path / "shelf").mkdir()
    one_sentence(narrate(tmp_path, "run", "shelf", "--engine", "tone"), 4, "shelf")


def test_a_zip_that_is_no_epub(tmp_path: Path) -> None:
    zipped(tmp_path / "a.epub", {"hello.txt": "hello"})
    one_sentence(narrate(tmp_path, "run", "a.epub", "--engine", "tone"), 4, "a.epub")


def test_a_book_under_drm(tmp_path: Path) -> None:
    encryption = (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" '
        'xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData><enc:EncryptionMethod '
        'Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/><enc:CipherData><enc:CipherReference '
        'URI="a.xhtml"/></enc:CipherData></enc:EncryptedData></encryption>'
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>T</dc:title></metadata><manifest>'
        '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="a"/></spine></package>'
    )
    members = {
        "META-INF/container.xml": EPUB_CONTAINER,
        "META-INF/encryption.xml": encryption,
        "book.opf": package,
        "a.xhtml": "\x01\x02garbage",
    }
    zipped(tmp_path / "locked.epub", members)
    one_sentence(narrate(tmp_path, "run", "locked.epub", "--engine", "tone"), 4, "locked.epub", "encrypted")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.md"
    path.write_text("# A Book\n\nA paragraph of text.\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--engine", "kokorro"], 3, "did you mean 'kokoro'"),
        (["--engine", "tone", "-f", "mp5"], 3, "unknown format 'mp5'"),
        (["--engine", "kokoro", "--voice", "af_hart"], 3, "af_heart"),
        (["--engine", "tone", "--chapters", "9"], 3, "--chapters 9"),
        (["--engine", "tone", "--chapters", "x"], 3, "x"),
        (["--engine", "tone", "--loudness", "loud"], 3, "loud"),
        (["--engine", "tone", "--bitrate", "97"], 3, "97"),
        (["--engine", "tone", "--set", "speed"], 3, "NAME=VALUE"),
        (["--engine", "tone", "--set", "sped=2"], 3, "sped"),
        (["--engine", "tone", "--language", "!!"], 3, "!!"),
        (["--engine", "lmnt"], 5, "LMNT_API_KEY"),
        (["--engine", "openai"], 5, "OPENAI_API_KEY"),
        (["--engine", "kokoro", "--language", "fr"], 3, "espeak"),
    ],
)
def test_settings_that_are_wrong(book: Path, arguments: list[str], code: int, says: str) -> None:
    one_sentence(narrate(book.parent, "run", "book.md", *arguments), code, says)
    assert not list(book.parent.glob("output/*/*"))


def test_wrong_usage_is_clicks(book: Path) -> None:
    done = narrate(book.parent, "run")
    assert done.returncode == 2
    assert narrate(book.parent, "run", "book.md", "--nonsense").returncode == 2


def test_an_output_in_the_way(book: Path) -> None:
    (book.parent / "file").write_text("in the way")
    one_sentence(narrate(book.parent, "run", "book.md", "--engine", "tone", "-o", "file"), 1, "file")


def test_a_store_in_the_way(book: Path) -> None:
    (book.parent / "file").write_text("in the way")
    one_sentence(narrate(book.parent, "run", "book.md", "--engine", "tone", "--store", "file/store"), 7, "file")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file system that can be filled")
def test_a_full_disk(book: Path) -> None:
    """A limit on file sizes stands in for a full disk: the write fails in the same place with another reason."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); sys.argv[0] = 'narrate'; "
        "from narrate.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "book.md", "--engine", "tone", "--store", "store"],
        cwd=book.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    one_sentence(done, 7, "store")
    assert not list((book.parent / "store" / "tmp").iterdir())
    assert not list(book.parent.glob("output/[!.]*/*"))
    assert narrate(book.parent, "run", "book.md", "--engine", "tone", "--store", "store").returncode == 0


def test_one_bad_book_does_not_stop_the_others(book: Path) -> None:
    done = narrate(book.parent, "run", "none.epub", "book.md", "--engine", "tone")
    assert done.returncode == 4
    assert "none.epub" in done.stderr
    assert list(book.parent.glob("output/*/A Book/A Book.mp3"))
