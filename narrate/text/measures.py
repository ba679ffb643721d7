"""Rules about measures: 5 kg, 60 km/h, 20°C, 6′2″, 50%, 3 m², 10x."""

from __future__ import annotations

import re

from narrate.text.numbers import number

_UNITS = {
    # symbol: (one, many). Symbols of one letter count only right behind a figure or after one blank.
    "km/h": ("kilometre per hour", "kilometres per hour"),
    "kph": ("kilometre per hour", "kilometres per hour"),
    "m/s": ("metre per second", "metres per second"),
    "mph": ("mile per hour", "miles per hour"),
    "mpg": ("mile per gallon", "miles per gallon"),
    "rpm": ("revolution per minute", "revolutions per minute"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "kW": ("kilowatt", "kilowatts"),
    "MW": ("megawatt", "megawatts"),
    "GW": ("gigawatt", "gigawatts"),
    "W": ("watt", "watts"),
    "kV": ("kilovolt", "kilovolts"),
    "V": ("volt", "volts"),
    "mA": ("milliampere", "milliamperes"),
    "Hz": ("hertz", "hertz"),
    "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"),
    "kB": ("kilobyte", "kilobytes"),
    "KB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"),
    "dB": ("decibel", "decibels"),
    "kg": ("kilogram", "kilograms"),
    "kgs": ("kilogram", "kilograms"),
    "mg": ("milligram", "milligrams"),
    "μg": ("microgram", "micrograms"),
    "g": ("gram", "grams"),
    "km": ("kilometre", "kilometres"),
    "cm": ("centimetre", "centimetres"),
    "mm": ("millimetre", "millimetres"),
    "Ω": ("ohm", "ohms"),
    "kΩ": ("kilohm", "kilohms"),
    "μm": ("micrometre", "micrometres"),
    "nm": ("nanometre", "nanometres"),
    "m": ("metre", "metres"),
    "ha": ("hectare", "hectares"),
    "ml": ("millilitre", "millilitres"),
    "mL": ("millilitre", "millilitres"),
    "cl": ("centilitre", "centilitres"),
    "l": ("litre", "litres"),
    "L": ("litre", "litres"),
    "m.p.h": ("mile per hour", "miles per hour"),
    "r.p.m": ("revolution per minute", "revolutions per minute"),
    "cc": ("cubic centimetre", "cubic centimetres"),
    "pt": ("pint", "pints"),
    "qt": ("quart", "quarts"),
    "qts": ("quart", "quarts"),
    "gals": ("gallon", "gallons"),
    "ozs": ("ounce", "ounces"),
    "doz": ("dozen", "dozen"),
    "tbsp": ("tablespoon", "tablespoons"),
    "tbsps": ("tablespoon", "tablespoons"),
    "tsp": ("teaspoon", "teaspoons"),
    "tsps": ("teaspoon", "teaspoons"),
    "deg": ("degree", "degrees"),
    "p.c": ("percent", "percent"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "cwt": ("hundredweight", "hundredweight"),
    "ft": ("foot", "feet"),
    "yd": ("yard", "yards"),
    "yds": ("yard", "yards"),
    "mi": ("mile", "miles"),
    "gal": ("gallon", "gallons"),
    "kcal": ("kilocalorie", "kilocalories"),
    "kJ": ("kilojoule", "kilojoules"),
    "ms": ("millisecond", "milliseconds"),
    "sec": ("second", "seconds"),
    "secs": ("second", "seconds"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "yr": ("year", "years"),
    "yrs": ("year", "years"),
}
_POWERS = {"²": "square ", "³": "cubic "}
_DOTTED = frozenset(
    (
        *("lb", "lbs", "oz", "ozs", "cwt", "ft", "yd", "yds", "mi", "gal", "gals", "pt", "qt", "qts", "doz", "m"),
        *(
            "sec",
            "secs",
            "min",
            "mins",
            "hr",
            "hrs",
            "yr",
            "yrs",
            "tbsp",
            "tsp",
            "tbsps",
            "tsps",
            "m.p.h",
            "r.p.m",
            "p.c",
        ),
        *("g", "kg", "km", "cm", "mm", "mg", "cc", "kgs"),
    )
)

_AMOUNT = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_FRACTION = r"[¼-¾⅐-⅞]"
_SYMBOLS = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_UNIT = re.compile(
    rf"(?<![\w.,/])({_AMOUNT})?({_FRACTION})?([ -]?)({_SYMBOLS})([²³])?(?![\w’'/&]|\.\w)(\.?)(?=(\s?)(.?))"
)
_DEGREES = re.compile(rf"(?<![\d.,])({_AMOUNT})\s?(?:°\s?([CFK])\b|([℃℉])|°)")
_SCALES = {"C": " Celsius", "F": " Fahrenheit", "K": " Kelvin", "℃": " Celsius", "℉": " Fahrenheit"}
_ARC = re.compile(r"(?<=degrees)\s?(\d{1,2})[′’'](?:\s?(\d{1,2}(?:\.\d+)?)[″”\"])?")
_TALL = re.compile(r"(?<![\w.,])(\d{1,2})\s?[′’']\s?(\d{1,2})(½)?\s?(?:″|”|\"|''|’’)")
_PERCENT = re.compile(rf"(?<![\w.,])({_AMOUNT})\s?([%‰])")
_INCHES = re.compile(rf"(?<![\w.,])({_AMOUNT})\s?(?:″|ins?\.(?=\s(?:[a-z]|[x×])|,|\)|$))")
_DEGREES_WORD = re.compile(r"(?<=\d) ?deg\.? ?(?=[CFK]\b)")
_FEET_INCHES = re.compile(rf"(?<=\d)( ?(?:ft|feet|foot)\.?,? )({_AMOUNT}) ?(?:in|ins)\b(\.?)(?=(\s?)(.?))")
_QUOTED_INCHES = re.compile(rf"(?<![\w.,])({_AMOUNT})\"(?= [a-z])")
_STONE = re.compile(r"(?<![\w.,])(\d{1,2}) ?st\.?,? (?=\d{1,2} ?lbs?\b)")
_SQUARE = {"sq": "square", "cu": "cubic"}
_AREA = re.compile(
    rf"(?<![\w.,])({_AMOUNT})([ -])(sq|cu)\.? ?"
    r"(ft|feet|foot|ins?|inch(?:es)?|yds?|yards?|miles?|mi|km|m|metres?|meters?|cm)\b(\.?)"
    r"(?=(\s?)(.?))"
)
_AREA_NAMES = {"ft": "feet", "in": "inches", "ins": "inches", "yd": "yards", "yds": "yards", "mi": "miles",
               "km": "kilometres", "m": "metres", "cm": "centimetres"}  # fmt: skip
_LONE_POWER = re.compile(r"(?<![\w.])(mm|cm|km|dm)([²³])")
_LONE_NAMES = {"mm": "millimetres", "cm": "centimetres", "km": "kilometres", "dm": "decimetres"}
_COMPASS = re.compile(r"(?<=degrees|minutes|seconds) ?([NSEW])\b(?:\.(?=[,;)]|\s[a-z]))?")
_POINTS = {"N": "North", "S": "South", "E": "East", "W": "West"}
_DEGREE_NOUN = re.compile(
    r"(?<=degree)s(?= (?:angle|turn|heat|weather|slope|bend|view|arc|rotation|day|burn|incline)\b)"
)
_RACE = re.compile(
    r"(?<=metre|yards|miles)(s?)(?= (?:race|dash|sprint|relay|walk|march|freestyle|backstroke|butterfly|hurdles|run)\b)"
)
_TEN_TO = re.compile(rf"(?<![\w.,])({_AMOUNT})\s?[x×]\s?(?=10(?:[⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹]|\^))")
_EXPONENT = re.compile(r"(?<![\w.,])(\d{1,9}(?:\.\d{1,9})?)[eE]([+-]?)(\d{1,3})(?![\w.])")
_SPAN = re.compile(
    rf"(?<![\w.,/–-])({_AMOUNT})\s?[°%]?\s?[–-]\s?(?=(?:{_AMOUNT})\s?(?:[%‰°℃℉]|(?:{_SYMBOLS})(?![\w’'/&])))"
)
_TIMES = re.compile(rf"(?<![\w.,])({_AMOUNT})\s?[x×]\s?(?=\d)")
_TIMES_AS_MUCH = re.compile(rf"(?<![\w.,])({_AMOUNT})\s?[x×](?!\w)")


def measures(text: str, language: str = "en") -> str:
    """Figures with a unit, a degree, a per cent or a multiplication sign."""
    text = _EXPONENT.sub(_exponent, text)
    text = _STONE.sub(lambda found: f"{number(found[1])} stone ", text)
    text = _AREA.sub(_area, text)
    text = _LONE_POWER.sub(lambda found: _POWERS[found[2]] + _LONE_NAMES[found[1]], text)
    text = _SPAN.sub(lambda found: f"{number(found[1])} to ", text)
    text = _DEGREES_WORD.sub("°", text)
    text = _DEGREES.sub(_degrees, text)
    text = _DEGREE_NOUN.sub("", text)
    text = _ARC.sub(_arc, text)
    text = _COMPASS.sub(lambda found: f" {_POINTS[found[1]]}", text)
    text = _TALL.sub(_tall, text)
    text = _FEET_INCHES.sub(_feet_inches, text)
    if text.count('"') % 2:
        text = _QUOTED_INCHES.sub(lambda found: f"{number(found[1])} inch", text)
    text = _INCHES.sub(lambda found: f"{number(found[1])} {'inch' if found[1] == '1' else 'inches'}", text)
    text = _PERCENT.sub(_percent, text)
    text = _TEN_TO.sub(lambda found: f"{number(found[1])} times ", text)
    text = _TIMES.sub(lambda found: f"{number(found[1])} by ", text)
    text = _TIMES_AS_MUCH.sub(lambda found: f"{number(found[1])} times", text)
    return _UNIT.sub(_unit, text)


def _exponent(found: re.Match[str]) -> str:
    sign = {"-": "minus "}.get(found[2], "")
    return f"{number(found[1])} times ten to the power of {sign}{number(str(int(found[3])))}"


def _area(found: re.Match[str]) -> str:
    """1,200 sq. ft: the dot is kept where it also ends the sentence."""
    amount, joint, shape, unit, dot, blank, following = found.groups()
    ends = dot and (not following or (blank and following.isupper()))
    name = "foot" if unit == "ft" and (amount == "1" or joint == "-") else _AREA_NAMES.get(unit, unit)
    return f"{number(amount)}{joint}{_SQUARE[shape]}{joint}{name}{'.' if ends else ''}"


def _feet_inches(found: re.Match[str]) -> str:
    feet, amount, dot, blank, following = found.groups()
    ends = dot and (not following or (blank and following.isupper()))
    return f"{feet}{number(amount)} {'inch' if amount == '1' else 'inches'}{'.' if ends else ''}"


def _unit(found: re.Match[str]) -> str:
    amount, fraction, joint, symbol, power, dot, blank, following = found.groups()
    if not amount and not fraction:
        return found[0]
    if (len(symbol) == 1 and joint == "-") or (symbol in ("V", "L", "W") and not joint and following.isalpha()):
        return found[0]
    one, many = _UNITS[symbol]
    single = joint == "-" or (amount == "1" and not fraction)
    name = _POWERS.get(power or "", "") + (one if single else many)
    # a dotted unit keeps its dot only where a sentence ends
    keeps = dot and (symbol not in _DOTTED or not blank or following.isupper() or following in '”"')
    said = number(amount) if amount else ""
    figure = (amount + fraction if amount else fraction) if fraction else said
    return f"{figure}{'-' if joint == '-' else ' '}{name}{'.' if keeps else ''}"


def _degrees(found: re.Match[str]) -> str:
    unit = "degree" if found[1] == "1" else "degrees"
    after = found.string[found.end() : found.end() + 1]
    return f"{number(found[1])} {unit}{_SCALES.get(found[2] or found[3] or '', '')}{' ' if after.isalnum() else ''}"


def _arc(found: re.Match[str]) -> str:
    seconds = f" {number(found[2])} seconds" if found[2] else ""
    return f" {number(found[1])} minutes{seconds}"


def _tall(found: re.Match[str]) -> str:
    half = " and a half" if found[3] else ""
    if int(found[2]) > 11:
        return f"{number(found[1])} minutes {number(found[2])}{half} seconds"
    return f"{number(found[1])} foot {number(found[2])}{half}"


def _percent(found: re.Match[str]) -> str:
    sign = "percent" if found[2] == "%" else "per mille"
    after = " " if found.string[found.end() : found.end() + 1].isalnum() else ""
    return f"{number(found[1])} {sign}{after}"
