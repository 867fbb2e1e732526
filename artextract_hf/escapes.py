"""Texts of strangers, made harmless where they are shown: titles and names in a terminal, a plot or a spreadsheet."""

import re
from typing import Any

# Control characters (a terminal obeys them), line ends of Unicode, marks that turn the order of letters around, and
# halves of surrogate pairs, which cannot be written.
_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet computes what begins so (OWASP, "CSV Injection")


def for_terminal(text: str) -> str:
    r"""A text on one line without anything that a terminal obeys; those characters come as JSON writes them.

    >>> print(for_terminal("Poppies\x1b[2J\n1873"))
    Poppies\u001b[2J\u000a1873
    """
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def for_plot(text: str) -> str:
    r"""A text as matplotlib draws it: on one line, without control characters, and without a formula between dollars.

    >>> print(for_plot("$a$"))
    \$a\$
    """
    return for_terminal(text).replace("$", r"\$")


def for_spreadsheet(cell: Any) -> Any:
    """A cell of a table; a text that a spreadsheet would compute gets an apostrophe in front, numbers stay.

    >>> for_spreadsheet('=HYPERLINK("https://evil.example")'), for_spreadsheet(-0.5)
    ('\\'=HYPERLINK("https://evil.example")', -0.5)
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
