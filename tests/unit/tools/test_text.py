"""What count_words, quote and clock find, and the rules beneath."""

import pytest

from agent_runtime.tools.builtin import words
from agent_runtime.tools.builtin.sentences import sentences
from agent_runtime.tools.port import ToolError
from tests.unit.tools.conftest import Run


def test_count_words(run: Run) -> None:
    counted = run("count_words", limit=4)
    assert (counted["files"], counted["words"], counted["sentences"]) == (2, 70, 7)
    assert counted["top"][0] == {"word": "hull", "count": 2}
    assert counted["names"] == [
        {"name": "Maria Lopez", "count": 2},
        {"name": "Port of Hull", "count": 2},
        {"name": "Green Harbour Trust", "count": 1},
        {"name": "J. Smith", "count": 1},
    ]
    assert counted["figures"][0] == {
        "text": "1,200 jobs",
        "file": "harbour.md",
        "line": 3,
        "sentence": "Maria Lopez, who runs the Port of Hull, said on Tuesday that 1,200 jobs "
        "depend on the new dock.",
    }
    assert [figure["text"] for figure in counted["figures"]] == [
        "1,200 jobs",
        "12 %",
        "$3.5 million",
        "4,300",
    ]


def test_count_words_of_one_file(run: Run) -> None:
    counted = run("count_words", file="more/fish.txt")
    assert (counted["files"], counted["words"], counted["sentences"]) == (1, 18, 3)


def test_quotes_are_word_for_word_the_best_first(run: Run) -> None:
    quotes = run("quote", query="Which ferries did the port lose?", limit=2)["quotes"]
    assert [(q["text"], q["file"], q["line"]) for q in quotes] == [
        ("The Port of Hull lost 3 ferries.", "more/fish.txt", 1),
        (
            "Maria Lopez, who runs the Port of Hull, said on Tuesday that 1,200 jobs depend on the new dock.",
            "harbour.md",
            3,
        ),
    ]
    assert quotes[0]["score"] > quotes[1]["score"] > 0


def test_quote_finds_other_forms_of_a_word_and_nothing_for_strangers(run: Run) -> None:
    assert run("quote", query="signature")["quotes"][0]["line"] == 7
    assert run("quote", query="zeppelin")["quotes"] == []
    with pytest.raises(ToolError, match="no word to look for"):
        run("quote", query="who was the one?")


def test_clock(run: Run) -> None:
    assert run("clock") == {
        "now": "2026-01-05T12:00:00Z",
        "date": "2026-01-05",
        "time": "12:00:00",
        "weekday": "Monday",
        "timezone": "UTC",
    }
    assert run("clock", timezone="Europe/Berlin")["now"] == "2026-01-05T13:00:00+01:00"
    with pytest.raises(ToolError, match=r"no time zone 'Mars/Base'"):
        run("clock", timezone="Mars/Base")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", [("One.", 1), ("Two!", 1), ("Three?", 1), ("Four", 1)]),
        ("It\nwraps here. And\nhere.", [("It wraps here.", 1), ("And here.", 2)]),
        ("Dr. Who met J. Smith at 3.5 p.m. today.", [("Dr. Who met J. Smith at 3.5 p.m. today.", 1)]),
        ("# Title\nBody.\n\n---\n* item one\n* item two", [("Body.", 2), ("item one", 5), ("item two", 6)]),
        ('"Stop." He left.', [('"Stop."', 1), ("He left.", 1)]),
        ("> quoted text\n> goes on.", [("quoted text goes on.", 1)]),
        (
            "From: Ann\nSubject: the tram\n\nIt runs.",
            [("From: Ann", 1), ("Subject: the tram", 2), ("It runs.", 4)],
        ),
        ("| a | b |\n1. first\n2. second", [("first", 2), ("second", 3)]),
        ("\n\n...\n", []),
        ("", []),
        ("これは一つ。これは二つ。", [("これは一つ。", 1), ("これは二つ。", 1)]),
    ],
)
def test_sentences(text: str, expected: list[tuple[str, int]]) -> None:
    assert [(sentence.text, sentence.line) for sentence in sentences(text)] == expected


def test_addresses_are_no_words() -> None:
    text = "Write to ann@trams.example or see https://trams.example/plan?id=4 about trams."
    assert list(words.content_words(text)) == ["write", "trams"]


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("The Green Harbour Trust met.", ["Green Harbour Trust"]),
        ("Yesterday Maria Lopez spoke.", ["Maria Lopez"]),
        ("Dr. Anna Weiss of Hull agreed.", ["Anna Weiss"]),
        ("The University of East Anglia did.", ["University of East Anglia"]),
        ("Ludwig van Beethoven and Clara Schumann", ["Ludwig van Beethoven", "Clara Schumann"]),
        ("NOAA and the UN met in Paris.", ["NOAA", "UN"]),
        ("On Monday it rained in March.", []),
        ("However, Paris slept.", []),
        ("Maria Lopez's plan", ["Maria Lopez"]),
        ("I am A person.", []),
    ],
)
def test_names(sentence: str, found: list[str]) -> None:
    assert list(words.names(sentence)) == found


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("It cost $3.5 million.", ["$3.5 million"]),
        ("Up 12 % or 12.5 percent.", ["12 %", "12.5 percent"]),
        ("In 2024 there were 2,024 of them.", ["2,024"]),
        ("About 40 tonnes and 7 people.", ["40 tonnes", "7 people"]),
        ("COVID-19 at 10:30 on 12/05, see v1.2.3 and A4.", []),
        ("It took 3 years, not 4.", ["3 years", "4"]),
    ],
)
def test_figures(sentence: str, found: list[str]) -> None:
    assert list(words.figures(sentence)) == found
