"""What of an EPUB is encrypted, and by whom. Obfuscated fonts are no protection of the text."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

# EPUB 3.3, 4.2.6.1.2, and Adobe's older way.
_FONT_ALGORITHMS = {"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"}
RIGHTS = {
    "META-INF/license.lcpl": "Readium LCP",
    "META-INF/sinf.xml": "Apple FairPlay",
    "META-INF/rights.xml": "rights.xml",
}
"""Files that a protected book brings along -> whose protection it is."""
_SCHEMES = (
    (b"ns.adobe.com/adept", "Adobe ADEPT"),
    (b"kdrm", "Kobo"),
    (b"barnesandnoble", "Barnes & Noble"),
    (b"fairplay", "Apple FairPlay"),
    (b"readium.org/2014/01/lcp", "Readium LCP"),
)


def encrypted_addresses(root: etree._Element) -> Iterator[str]:
    """The addresses, from the root of the container, of what META-INF/encryption.xml says is encrypted."""
    for data in root.iter("{*}EncryptedData"):
        method = data.find("{*}EncryptionMethod")
        if method is not None and method.get("Algorithm") in _FONT_ALGORITHMS:
            continue
        for reference in data.iter("{*}CipherReference"):
            if reference.get("URI"):
                yield str(reference.get("URI"))


def scheme_of(name: str, data: bytes) -> str:
    """Whose protection the rights file ``name`` tells of."""
    small = data.lower()
    return next((scheme for sign, scheme in _SCHEMES if sign in small), RIGHTS[name])


def looks_like_markup(data: bytes) -> bool:
    """Whether ``data`` may be a page: encrypted bytes rarely start as one, and are full of control characters."""
    head = data[:512].lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")
    if not head.startswith(b"<"):
        return False
    strange = sum(byte < 9 or 13 < byte < 32 for byte in head.replace(b"\0", b""))
    return strange * 20 <= len(head)
