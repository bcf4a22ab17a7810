"""Reports for machines, read back by the rules of their formats."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from opbench.errors import BadValueError, UnknownNameError
from opbench.reports import Level, Outcome, Place, Report
from opbench.reports.formats import FORMATS, format_of, parse_output
from opbench.reports.github import github
from opbench.reports.junit import junit
from opbench.reports.sarif import sarif

HEAVIER = Outcome(
    name="net.py:build",
    status="heavier",
    level=Level.FAIL,
    summary="macs +50%, \x1b[31mred\x1b[0m",
    details=("module a <b>: 1 became 2", "and more"),
    places=(Place("models/my net.py", 3), Place("x.json", 6)),
)
OUTCOMES = [
    Outcome(name="a", status="equal", level=Level.PASS, summary="a is equal"),
    Outcome(
        name="b",
        status="lighter",
        level=Level.NOTE,
        summary="b is lighter",
        places=(Place("x.json"),),
    ),
    HEAVIER,
    Outcome(name="c", status="cannot count", level=Level.ERROR, summary="no rule for d::e"),
]


def many(number: int, level: Level = Level.FAIL) -> list[Outcome]:
    return [
        Outcome(name=f"net{n}", status="heavier", level=level, summary="x") for n in range(number)
    ]


def test_annotations_are_one_line_each_with_failures_first() -> None:
    lines = github(OUTCOMES, title="t").splitlines()
    assert lines == [
        "::error file=models/my net.py,line=3,title=t%3A net.py%3Abuild heavier::"
        "macs +50%25, \\x1b[31mred\\x1b[0m%0Amodule a <b>: 1 became 2%0Aand more"
        "%0Asee also x.json, line 6",
        "::error title=t%3A c cannot count::no rule for d::e",
        "::notice file=x.json,line=1,title=t%3A b lighter::b is lighter",
    ]


def test_ten_annotations_are_written_and_eleven_become_ten_that_say_so() -> None:
    assert len(github(many(10), title="t").splitlines()) == 10
    lines = github(many(11) + many(3, Level.NOTE), title="t").splitlines()
    assert len(lines) == 10
    assert lines[-1].startswith("::error title=t%3A 5 more not shown::net9, net10, net0")


def test_nothing_to_say_is_no_annotation() -> None:
    assert github(OUTCOMES[:1], title="t") == ""


def test_junit_has_a_case_per_outcome_and_counts_failures_and_errors() -> None:
    root = ElementTree.fromstring(junit(OUTCOMES, title="t"))
    (suite,) = root
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "1")
    cases = {case.get("name"): [part.tag for part in case] for case in suite}
    assert cases == {
        "a": [],
        "b": ["system-out"],
        "net.py:build": ["failure"],
        "c": ["error"],
    }
    failure = suite.find("testcase/failure")
    assert failure is not None and failure.get("type") == "heavier"
    assert "module a <b>: 1 became 2" in (failure.text or "")
    assert "\\x1b[31mred" in (failure.text or "")


def test_sarif_has_what_the_standard_requires_of_a_run() -> None:
    statuses = {"heavier": "H.", "lighter": "L.", "cannot count": "C."}
    log = json.loads(sarif(OUTCOMES, title="t", statuses=statuses))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert rules == {"t/heavier", "t/lighter", "t/cannot-count"}
    assert {result["ruleId"] for result in run["results"]} == rules
    assert [result["level"] for result in run["results"]] == ["error", "error", "note"]
    (place,) = run["results"][0]["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "models/my%20net.py"},
        "region": {"startLine": 3},
    }
    (related,) = run["results"][0]["relatedLocations"]
    assert related["physicalLocation"]["artifactLocation"] == {"uri": "x.json"}
    assert related["physicalLocation"]["region"] == {"startLine": 6}
    # GitHub asks for the text of each rule's help.
    assert all("t --help" in each["help"]["text"] for each in run["tool"]["driver"]["rules"])
    assert "locations" not in run["results"][1]


def test_sarif_without_findings_is_a_run_without_results() -> None:
    log = json.loads(sarif([], title="t", statuses={}))
    assert log["runs"][0]["results"] == []


def report(outcomes: list[Outcome]) -> Report:
    return Report(
        title="t",
        summary="2 things",
        outcomes=outcomes,
        statuses={each.status: "S." for each in outcomes},
        render=lambda rows, format: f"{format} of {len(rows)} rows\n",
    )


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_every_outcome_that_is_no_plain_pass(name: str) -> None:
    text = FORMATS[name].write(report(OUTCOMES))
    if name in ("json", "csv"):
        assert text == f"{name} of {len(OUTCOMES)} rows\n"
    else:
        assert all(word in text for word in ("b is lighter", "no rule for d::e", "1 became 2"))


@pytest.mark.parametrize("name", [name for name, each in FORMATS.items() if each.suffix])
def test_a_suffix_says_the_format_and_a_name_in_front_wins(name: str) -> None:
    path = Path(f"out/r{FORMATS[name].suffix}")
    assert parse_output(str(path)) == (name, path)
    assert parse_output(f"github:{path}") == ("github", path)


def test_a_format_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(UnknownNameError, match="did you mean sarif"):
        format_of("sarff")
    with pytest.raises(BadValueError, match=r"use the suffix \.txt"):
        parse_output("r.pdf")


def test_outcomes_with_one_cause_share_their_details() -> None:
    one, other, third = (
        Outcome(
            name=name,
            status="heavier",
            level=Level.FAIL,
            summary=f"{name} is heavier",
            details=(f"macs of {name}", "torch 1 became 2"),
            causes=causes,
            alike=causes,
        )
        for name, causes in (("a", ("conv: +1",)), ("b", ("conv: +1",)), ("c", ("head: +2",)))
    )
    for name, indent in (("text", "  "), ("markdown", "- ")):
        text = FORMATS[name].write(report([one, other, third]))
        assert text.count(f"{indent}conv: +1\n") == 1
        assert text.index("a is heavier") < text.index("b is heavier") < text.index("conv: +1")
        assert f"{indent}torch 1 became 2\n{indent}conv: +1\n" in text
        assert f"{indent}macs of c\n{indent}torch 1 became 2\n{indent}head: +2\n" in text
        assert "macs of a" not in text


def test_a_cause_that_only_one_of_a_group_has_is_told_with_its_name() -> None:
    one, other = (
        Outcome(
            name=name,
            status="heavier",
            level=Level.FAIL,
            summary=f"{name} is heavier",
            causes=(f"{prefix}conv: +1", f"head: +{extra}"),
            alike=("conv: +1", f"head: +{extra}"),
            places=(Place("net.py", 3), Place("lock.json", extra)),
        )
        for name, prefix, extra in (("a", "", 2), ("b", "body.", 3))
    )
    text = FORMATS["text"].write(report([one, other]))
    assert "  conv: +1\n  a: head: +2\n  b: head: +3\n" in text and "body" not in text
    assert github([one, other], title="t") == (
        "::error file=net.py,line=3,title=t%3A a%2C b heavier::a is heavier; b is heavier"
        "%0Aconv: +1%0Aa: head: +2%0Ab: head: +3"
        "%0Asee also lock.json, line 2%0Asee also lock.json, line 3\n"
    )


def test_summaries_without_details_are_one_paragraph() -> None:
    new = [
        Outcome(name=name, status="new", level=Level.NOTE, summary=f"{name} is new")
        for name in "ab"
    ]
    assert "a is new\nb is new\n" in FORMATS["text"].write(report(new))


def test_people_are_shown_ten_details_and_how_many_more() -> None:
    long = Outcome(
        name="a",
        status="heavier",
        level=Level.FAIL,
        summary="a",
        details=tuple(map(str, range(12))),
    )
    for name in ("text", "markdown", "github"):
        text = FORMATS[name].write(report([long]))
        assert "9" in text and "and 2 more changes" in text and "10" not in text
    assert "11" in FORMATS["junit"].write(report([long]))
