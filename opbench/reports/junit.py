"""Render JUnit XML: a test case per outcome.

XML 1.0 cannot hold controls and surrogates, not even escaped: they are written as they are printed.

Reference: the schema of Apache Ant's JUnit task, as https://github.com/testmoapp/junitxml
describes what CI servers read of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from opbench.escapes import printable
from opbench.reports import Level, Outcome


def junit(outcomes: Sequence[Outcome], *, title: str) -> str:
    """Render the document.  A failed check is a failure, one that could not be made an error."""
    levels = [each.level for each in outcomes]
    numbers = {
        "tests": str(len(outcomes)),
        "failures": str(levels.count(Level.FAIL)),
        "errors": str(levels.count(Level.ERROR)),
    }
    root = ElementTree.Element("testsuites", {"name": title, **numbers})
    suite = ElementTree.SubElement(root, "testsuite", {"name": title, **numbers, "skipped": "0"})
    for outcome in outcomes:
        _case(suite, outcome, title)
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _case(suite: ElementTree.Element, outcome: Outcome, title: str) -> None:
    attributes = {"classname": title, "name": printable(outcome.name)}
    for place in outcome.places[:1]:
        attributes |= {"file": printable(place.path), "line": str(place.line)}
    case = ElementTree.SubElement(suite, "testcase", attributes)
    if outcome.level is Level.PASS:
        return
    if outcome.level is Level.NOTE:
        ElementTree.SubElement(case, "system-out").text = outcome.text
        return
    tag = "failure" if outcome.level is Level.FAIL else "error"
    facts = {"type": outcome.status, "message": printable(outcome.summary)}
    ElementTree.SubElement(case, tag, facts).text = outcome.text
