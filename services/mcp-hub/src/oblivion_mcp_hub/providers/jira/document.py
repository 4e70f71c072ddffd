"""Plain text into Atlassian's document format.

What is written is text and nothing else: no mention and no link comes of it.
Source: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
"""

from oblivion_mcp_hub.providers.http import Json


def document(text: str) -> Json:
    """A paragraph for each line."""
    paragraphs: list[Json] = [
        {"type": "paragraph", "content": [{"type": "text", "text": line}]}
        if line.strip()
        else {"type": "paragraph"}
        for line in text.splitlines()
    ]
    return {"type": "doc", "version": 1, "content": paragraphs}
