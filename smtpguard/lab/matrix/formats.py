"""The matrix for machines: JSON, and JUnit's XML, which every CI server reads.

Neither holds a duration or a date: the same matrix is written octet for octet the same.
"""

from __future__ import annotations

import json
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from smtpguard.lab.matrix.running import CellResult, Matrix


def as_json(matrix: Matrix) -> str:
    """``{"as_expected", "rows": [the outcomes of KB818222], "cells": [...]}``, indented, in ASCII."""
    report = {
        "as_expected": matrix.as_expected,
        "rows": [row.as_dict() for row in matrix.rows],
        "cells": [cell.as_dict() for cell in matrix.cells],
    }
    return json.dumps(report, indent=2)


def as_junit(matrix: Matrix) -> str:
    """One suite for the rows and one for the cells; a failure says what was not as expected."""
    suites = Element("testsuites", name="smtpguard lab matrix")
    rows = [(row.scenario, row.title, row.seen) for row in matrix.rows]
    cells = [
        (f"{cell.sender} through {cell.firewall} to {cell.receiver}", cell.receiver, cell) for cell in matrix.cells
    ]
    for name, cases in (("rows of KB818222", rows), ("cells", cells)):
        failures = sum(1 for _, _, seen in cases if seen.unmet)
        suite = SubElement(suites, "testsuite", name=name, tests=str(len(cases)), failures=str(failures), errors="0")
        for case, group, seen in cases:
            _case(suite, case, group, seen)
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode")


def _case(suite: Element, name: str, group: str, seen: CellResult) -> None:
    case = SubElement(suite, "testcase", classname=group, name=name)
    if seen.unmet:
        failure = SubElement(case, "failure", message="; ".join(seen.unmet))
        failure.text = "\n".join(seen.unmet)
    step = "-" if seen.step is None else str(seen.step)
    words = (seen.outcome, f"attempts={seen.attempts}", f"step={step}", f"cause={seen.cause or '-'}")
    SubElement(case, "system-out").text = " ".join(words)
