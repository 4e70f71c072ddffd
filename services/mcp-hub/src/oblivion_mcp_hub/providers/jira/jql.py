"""Queries out of what a tool is given: values are quoted, so that none of them can say anything else.

Source: https://support.atlassian.com/jira-software-cloud/docs/search-syntax-for-text-fields/
"""

import re


def quoted(value: str) -> str:
    """A value as JQL reads it: whatever is in it, it stays one."""
    clean = re.sub(r"[\x00-\x1f]", " ", value)
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'


def words_of(text: str) -> str:
    """Words for a text search, without the signs that mean something in one."""
    return " ".join(re.findall(r"\w+", text))


def joined(clauses: list[str]) -> str:
    """All of them, the last changed first. Jira takes no query without a restriction."""
    return f"{' AND '.join(clauses or ['project is not EMPTY'])} ORDER BY updated DESC"
