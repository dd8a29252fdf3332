"""Reads the JUnit files that are named, each as several consumers do, and prints what they see.

Every reader must come to the same counts: passed, failed, errors, skipped.
"""

import sys
import xml.parsers.expat
import xml.etree.ElementTree as tree

import junitparser

RESULTS = ["failure", "error", "skipped"]


def strict(path):
    """What is not well-formed is an error."""
    with open(path, "rb") as file:
        xml.parsers.expat.ParserCreate().ParseFile(file)


def tally(results):
    return [results.count(None)] + [results.count(kind) for kind in RESULTS]


def gitlab(path):
    """Cases by class and name, of which only the first is seen; of a result its text."""
    seen = {}
    for case in tree.parse(path).iter("testcase"):
        identity = (case.attrib["classname"], case.attrib["name"])
        assert identity not in seen, f"{identity} would be dropped"
        float(case.attrib["time"])
        found = next((kind for kind in RESULTS if case.find(kind) is not None), None)
        if found:
            assert case.find(found).text.strip(), f"no text: {identity}"
            kind = case.find(found).get("type")
            assert "." in kind, f"{kind} may be a cast"
        seen[identity] = found
    return tally(list(seen.values()))


def azure(path):
    """Suites with their time, cases by their name; of a failure its message and its text."""
    results = []
    for suite in tree.parse(path).getroot():
        assert suite.tag == "testsuite" and suite.get("timestamp") and suite.get("hostname")
        for case in suite.findall("testcase"):
            assert case.get("name"), "a case without a name is dropped"
            found = next((kind for kind in RESULTS if case.find(kind) is not None), None)
            if found:
                message = case.find(found).get("message")
                assert message and "\n" not in message and case.find(found).text
            results.append(found)
    return tally(results)


def suites(path):
    """What the suites say of themselves, as reporters of GitHub add it up."""
    totals = [0, 0, 0, 0]
    for suite in tree.parse(path).getroot():
        tests, *bad = (int(suite.get(name)) for name in ["tests", "failures", "errors", "skipped"])
        totals = [sum(pair) for pair in zip(totals, [tests - sum(bad)] + bad)]
        assert suite.find("testsuite") is None, "nested suites are not seen by all"
        assert suite.find("testcase") is not None, "empty suites vanish"
    return totals


def parser(path):
    """The library of many small tools."""
    kinds = {junitparser.Failure: "failure", junitparser.Error: "error", junitparser.Skipped: "skipped"}
    results = []
    for suite in junitparser.JUnitXml.fromfile(path):
        for case in suite:
            assert case.classname and case.name and case.time >= 0
            results.append(kinds[type(case.result[0])] if case.result else None)
    return tally(results)


for path in sys.argv[1:]:
    strict(path)
    views = [reader(path) for reader in [gitlab, azure, suites, parser]]
    assert all(view == views[0] for view in views), (path, views)
    print(*views[0])
