"""What stands out in a sentence: content words, names and figures. Rules only, the same result each time."""

import re
from collections.abc import Iterator


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


STOP_WORDS = _set(
    """
    a about above according across after again against ago all almost along already also although always am
    among an and another any anyone are around as at away back be became because become been before began
    behind being below between both but by came can cannot come could did do does doing done down during each
    early either else enough even ever every few first for former from further get give given go goes going
    good got had has have having he hence her here hers herself him himself his how however i if in indeed
    inside instead into is it its itself just keep kept last late later least less let like made make many may
    maybe me meanwhile might mine more moreover most much must my myself near nearly neither never new next no
    nobody none nor not nothing now of off often old on once one only onto or other others our ours out over
    own part per perhaps put quite rather really said same say says see seem seen several shall she should
    since so some something soon still such take taken than that the their them then there therefore these
    they thing this those though through thus to today together told tomorrow too toward towards two under
    until up upon us use used very via was way we well went were what when whenever where whether which while
    who whole whom whose why will with within without would year years yes yesterday yet you your
    """
)
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019\-][^\W\d_]+)*")
_ADDRESS = re.compile(r"\S+@\S+|\b\w+://\S+|\bwww\.\S+")
"""Of a mailbox or a page: no words."""
_CONNECTORS = _set("al bin da de del der di du el for la le of the van von y")
_HONORIFICS = _set("Dr Gen Gov Mr Mrs Ms Prof Rev Sen Sir")
_NAME_TOKEN = re.compile(r"[^\W\d_][\w'\u2019&\-]*\.?|[^\s\w]+|\S+")
_POSSESSIVE = re.compile(r"['\u2019]s?$")
_FIGURE = re.compile(
    r"""(?<![\w.,/:\-])
    (?P<money>[$€£¥]\s?)?
    (?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)
    (?P<unit>\s?%|\s(?:percent|per\ cent|percentage\ points?|thousand|million|billion|trillion|
        dollars|euros?|pounds|cents|tonnes?|tons?|kilograms?|kg|grams?|litres?|liters?|gallons?|
        kilometres?|kilometers?|km|metres?|meters?|miles?|feet|hectares?|acres?|degrees|
        hours?|minutes?|days?|weeks?|months?|years?|people|jobs|homes|households|residents|votes)\b)?
    (?:\s(?P<scale>thousand|million|billion|trillion)\b)?
    (?![\w/:]|[.,]\d)""",
    re.VERBOSE,
)
_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
_CALENDAR = _set(
    """January February March April May June July August September October November December
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday"""
)


def count(text: str) -> int:
    """Words as people count them: what stands between blanks and has a letter or a digit."""
    return sum(any(character.isalnum() for character in token) for token in text.split())


def content_words(text: str) -> Iterator[str]:
    """Lower-case words that carry meaning, in order."""
    for match in _WORD.finditer(_ADDRESS.sub(" ", text.lower())):
        word = match.group().removesuffix("'s").removesuffix("\u2019s")
        if len(word) > 2 and word not in STOP_WORDS:
            yield word


def stem(word: str) -> str:
    """A rough stem, so that a query finds plurals and verb forms too."""
    for ending, replacement in (("ies", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""), ("e", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)] + replacement
    return word


def figures(sentence: str) -> Iterator[str]:
    """Numbers that say how much or how many: `1,200`, `$3.5 million`, `12 %`. A bare year is none."""
    for match in _FIGURE.finditer(sentence):
        if _YEAR.fullmatch(match["number"]) and not (match["money"] or match["unit"] or match["scale"]):
            continue
        yield match.group()


def names(sentence: str) -> Iterator[str]:
    """Names of two capitalised words or more (`Maria Lopez`, `Port of Hull`), and capitals (`NOAA`)."""
    run: list[str] = []
    titled = False
    for token in [*_NAME_TOKEN.findall(sentence), ""]:
        word = _POSSESSIVE.sub("", token.removesuffix("."))
        if word in _HONORIFICS and not run:
            titled = True
            continue
        # Of a person with a title, "of" says where from: it does not belong to the name.
        if word[:1].isupper() or (run and token in _CONNECTORS and not titled):
            initial = token.endswith(".") and len(word) == 1
            run.append(token if initial else word)
            if token == word or initial:
                continue
        yield from _name(run)
        run, titled = [], False


def _name(run: list[str]) -> Iterator[str]:
    while run and (run[-1] in _CONNECTORS or run[-1] in _CALENDAR):
        run = run[:-1]
    while run and (run[0].lower() in STOP_WORDS or run[0] in _CALENDAR or run[0] in _CONNECTORS):
        run = run[1:]
    if sum(word not in _CONNECTORS for word in run) > 1:
        yield " ".join(run)
    elif len(run) == 1 and len(run[0]) > 1 and run[0].isupper() and run[0].isalpha():
        yield run[0]
