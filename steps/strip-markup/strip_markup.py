"""Converts HTML to plain text."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Annotated

from stillbox_sdk import column, step

# Elements whose content is not shown.
HIDDEN = frozenset(["head", "noscript", "script", "style", "template", "title"])
# Elements that start and end a line. All other elements are inline.
BLOCKS = frozenset(
    "address article aside blockquote body br caption dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 "
    "h3 h4 h5 h6 header hgroup hr html legend li main nav ol p pre section summary table tbody td tfoot th thead tr ul".split()
)
# The white space of HTML. Other white space, such as the non-breaking space, is unchanged.
SPACE = " \t\n\r\f"


@dataclass(slots=True)
class Parameters:
    column: str
    """The column to strip. It is replaced."""


@dataclass(slots=True)
class Row:
    html: Annotated[str, column(from_parameter="column")]


@dataclass(slots=True)
class Stripped:
    text: Annotated[str, column(from_parameter="column")]


class Reader(HTMLParser):
    """Collects the text that a browser would show, in lines."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[list[str]] = [[]]
        self.hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in HIDDEN:
            self.hidden.append(tag)
        elif tag in BLOCKS:
            self.lines.append([])

    def handle_endtag(self, tag: str) -> None:
        if tag in self.hidden:
            # Elements that are still open inside end with it.
            del self.hidden[self.hidden.index(tag) :]
        elif tag in BLOCKS:
            self.lines.append([])

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        if tag in BLOCKS:
            self.lines.append([])

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.lines[-1].append(data)


SPACES = str.maketrans(dict.fromkeys(SPACE, " "))


@step
def strip_markup(parameters: Parameters, row: Row) -> Stripped:
    """Converts HTML to plain text: removes tags, comments and hidden elements, decodes character references, writes one line for
    each block, and replaces each run of white space with one space."""
    if "<" not in row.html and "&" not in row.html:
        lines = [row.html]
    else:
        reader = Reader()
        reader.feed(row.html)
        reader.close()
        lines = ["".join(line) for line in reader.lines]
    words = ([word for word in line.translate(SPACES).split(" ") if word] for line in lines)
    return Stripped("\n".join(" ".join(line) for line in words if line))
