"""The value of a typeset formula: reads what the law pages show, by rules of its own, so that the two can be compared."""

from __future__ import annotations

import numpy as np

FUNCTIONS = {r"\ln": np.log, r"\log_{10}": np.log10, r"\log_{2}": np.log2, r"\exp": np.exp}


def value(lines, known):
    """The right side of the first line, where ``known`` gives symbols their values and later lines define the rest."""
    heads = [line.split(" = ", 1) for line in lines]
    return Formula(heads[0][1], known, dict(heads[1:])).whole()


class Formula:
    """A reader of one right side; sums of products of powers, as one reads them on paper."""

    def __init__(self, text, known, rest):
        self.text, self.known, self.rest = text.replace(" ", ""), known, rest

    def whole(self):
        found = self.total()
        assert not self.text, f"not read: {self.text}"
        return found

    def takes(self, *starts):
        for start in starts:
            if self.text.startswith(start):
                self.text = self.text.removeprefix(start)
                return start
        return ""

    def total(self):
        sign = -1.0 if self.takes("-") else 1.0
        found = sign * self.product()
        while step := self.takes("+", "-"):
            found = found + self.product() if step == "+" else found - self.product()
        return found

    def product(self):
        found = self.power()
        while self.takes(r"\thinspace", r"\cdot"):
            found = found * self.power()
        return found

    def power(self):
        base = self.atom()
        return base ** self.group() if self.takes("^") else base

    def group(self):
        assert self.takes("{")
        found = self.total()
        assert self.takes("}")
        return found

    def bracket(self):
        found = [self.total()]
        while self.takes(","):
            found.append(self.total())
        assert self.takes(r"\right)")
        return found

    def atom(self):
        if self.takes(r"\left("):
            return self.bracket()[0]
        if self.takes(r"\frac"):
            return self.group() / self.group()
        if self.takes(r"\sqrt"):
            return np.sqrt(self.group())
        if self.takes(r"\sum_{i}"):
            one = self.known[self.symbol()]
            assert self.takes(r"_{i}\thinspace")
            two = self.known[self.symbol()]
            assert self.takes("_{i}")
            return sum(one[m] * two[m] for m in one)
        for name, function in FUNCTIONS.items():
            if self.takes(name + r"\left("):
                return function(self.bracket()[0])
        for head, body in self.rest.items():
            name, *arguments = head.replace(" ", "").removesuffix(r"\right)").split(r"\left(")
            if arguments and self.takes(name + r"\left("):
                given = dict(zip(arguments[0].split(","), self.bracket()))
                return Formula(body, given, {k: v for k, v in self.rest.items() if r"\left(" in k}).whole()
        if self.text[0].isdigit():
            digits = len(self.text) - len(self.text.lstrip("0123456789."))
            number, self.text = self.text[:digits], self.text[digits:]
            return float(number)
        name = self.symbol()
        if name in self.known:
            return self.known[name]
        return Formula(self.rest[name], self.known, self.rest).whole()

    def symbol(self):
        names = [*self.known, *self.rest]
        found = self.takes(*sorted(names, key=len, reverse=True))
        assert found, f"no symbol at {self.text}"
        return found
