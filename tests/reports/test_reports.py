"""Reports for machines, read back by the rules of their formats."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from opbench.reports import Level, Outcome
from opbench.reports.github import github
from opbench.reports.junit import junit
from opbench.reports.sarif import sarif

HEAVIER = Outcome(
    name="net.py:build",
    status="heavier",
    level=Level.FAIL,
    summary="macs +50%, \x1b[31mred\x1b[0m",
    details=("module a <b>: 1 became 2", "and more"),
    path="models/my net.py",
    line=3,
)
OUTCOMES = [
    Outcome(name="a", status="equal", level=Level.PASS, summary="a is equal"),
    Outcome(name="b", status="lighter", level=Level.NOTE, summary="b is lighter", path="x.json"),
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
        "macs +50%25, \x1b[31mred\x1b[0m%0Amodule a <b>: 1 became 2%0Aand more",
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
    assert "\ufffd[31mred" in (failure.text or "")


def test_sarif_has_what_the_standard_requires_of_a_run() -> None:
    statuses = {"heavier": "H.", "lighter": "L.", "cannot count": "C."}
    log = json.loads(sarif(OUTCOMES, title="t", statuses=statuses))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert rules == {"t/heavier", "t/lighter", "t/cannot-count"}
    assert {result["ruleId"] for result in run["results"]} == rules
    assert [result["level"] for result in run["results"]] == ["error", "error", "note"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "models/my%20net.py"},
        "region": {"startLine": 3},
    }
    assert "locations" not in run["results"][1]


def test_sarif_without_findings_is_a_run_without_results() -> None:
    log = json.loads(sarif([], title="t", statuses={}))
    assert log["runs"][0]["results"] == []
