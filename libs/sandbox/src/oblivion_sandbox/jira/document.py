"""Atlassian's document format, as far as plain text goes.

Source: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

from oblivion_sandbox.json_values import as_object, as_objects
from oblivion_sandbox.store import Json


def document(text: str) -> Json:
    """A paragraph for each line."""
    paragraphs = [
        {"type": "paragraph", "content": [{"type": "text", "text": line}] if line else []}
        for line in text.splitlines()
    ]
    return {"type": "doc", "version": 1, "content": paragraphs}


def is_document(value: object) -> bool:
    given = as_object(value)
    content = given.get("content")
    return given.get("type") == "doc" and given.get("version") == 1 and isinstance(content, list)


def text_of(value: object) -> str:
    """All text of a document, for searching."""
    node = as_object(value)
    inner = " ".join(text_of(child) for child in as_objects(node.get("content")))
    return f"{node.get('text', '')} {inner}".strip()
