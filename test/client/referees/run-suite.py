"""Runs a share of the tests below a folder of an installed Python package, one after another, and writes a line of JSON
for each to descriptor 3: `test`, `outcome` (passed, failed, skipped) and `words`. Arguments: the number of the share and
how many there are, the folder, its root on Python's path, the names of modules there (empty: all), and tests,
classes or modules that are not run. A class is in one share.
"""
import json
import os
import sys
import unittest


class Reported(unittest.TestResult):
    def __init__(self, output):
        super().__init__()
        self.output = output

    def report(self, test, outcome, words=""):
        self.output.write(json.dumps({"test": test.id(), "outcome": outcome, "words": str(words)}) + "\n")
        self.output.flush()

    def addSuccess(self, test):
        self.report(test, "passed")

    def addSkip(self, test, reason):
        self.report(test, "skipped", reason)

    def addExpectedFailure(self, test, err):
        self.report(test, "passed")

    def addUnexpectedSuccess(self, test):
        self.report(test, "failed", "it was expected to fail")

    def addError(self, test, err):
        self.report(test, "failed", self._exc_info_to_string(err, test))

    addFailure = addError


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


share, shares, folder, root, modules, *left_out = sys.argv[1:]
found = unittest.TestSuite(
    unittest.defaultTestLoader.discover(folder, pattern=f"{module}.py", top_level_dir=root)
    for module in (modules.split(",") if modules else ["test*"])
)
with os.fdopen(3, "w") as output:
    tests = [test for test in tests_of(found) if not f"{test.id()}.".startswith(tuple(f"{name}." for name in left_out))]
    classes = list(dict.fromkeys(type(test) for test in tests))
    chosen = classes[int(share) :: int(shares)]
    unittest.TestSuite(test for test in tests if type(test) in chosen).run(Reported(output))
