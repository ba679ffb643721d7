"""What is said of MathML."""

from __future__ import annotations

import pytest
from lxml import etree

from narrate.markup.formulas import MAX_SAID, said_of


def said(inner: str, attributes: str = "") -> str:
    return said_of(etree.fromstring(f"<math {attributes}>{inner}</math>"))


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("<msup><mi>x</mi><mn>2</mn></msup><mo>+</mo><mn>1</mn>", "x^2 + 1"),
        ("<mfrac><mi>a</mi><mi>b</mi></mfrac>", "a over b"),
        ("<mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><mi>b</mi></mfrac>", "(a + 1) over b"),
        ("<msqrt><mn>2</mn></msqrt>", "square root of 2"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", "cube root of x"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>", "x_i^2"),
        ("<mi>f</mi><mo>\u2061</mo><mo>(</mo><mi>x</mi><mo>)</mo><mo>=</mo><mo>-</mo><mn>1</mn>", "f(x) = -1"),
        (
            "<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover><mi>i</mi>",
            "sum from i = 1 to n of i",
        ),
        (
            "<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr><mtr><mtd><mn>3</mn></mtd></mtr></mtable>",
            "1, 2; 3",
        ),
        ("<semantics><mi>x</mi><annotation encoding='application/x-tex'>\\xi</annotation></semantics>", "x"),
        ("<semantics><mi>x</mi><annotation encoding='text/plain'>ex</annotation></semantics>", "ex"),
        ("<mi>x</mi><mtext>if</mtext><mi>y</mi>", "x if y"),
    ],
)
def test_a_formula_is_read_in_a_line(inner: str, expected: str) -> None:
    assert said(inner) == expected


def test_alternative_text_goes_first_unless_it_is_tex() -> None:
    assert said("<mi>x</mi>", 'alttext="the letter x"') == "the letter x"
    assert said("<mi>x</mi>", r'alttext="\mathbf{x}"') == "x"
    assert said("", r'alttext="\mathbf{x}"') == "𝐱"


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        (r"\frac{a}{b}", "a over b"),
        (r"\int_0^1 x^2", "integral from 0 to 1 of x^2"),
        (r"\sum_{i=1}^{n} i", "sum from i = 1 to n of i"),
        (r"\alpha \le \beta", "α ≤ β"),
        (r"\sqrt{x + 1}", "square root of (x + 1)"),
        (r"\unknowable{{", "unknowable"),
        ("\\" * 900, ""),
    ],
)
def test_tex_is_said_as_its_mathml_would_be(tex: str, expected: str) -> None:
    assert said("", f'alttext="{tex}"') == expected


def test_a_formula_is_bounded_in_size_and_depth() -> None:
    assert len(said("<mi>x</mi><mo>+</mo>" * 900)) <= MAX_SAID
    assert said("<mrow>" * 200 + "<mi>x</mi>" + "</mrow>" * 200) == "x"
