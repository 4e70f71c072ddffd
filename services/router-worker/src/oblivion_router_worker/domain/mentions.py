"""People named in a Slack text, whose display names a copy needs."""

from oblivion_router_worker.domain.text.slack_tags import TAG, UserTag, parse_tag


def unnamed_users(text: str) -> list[str]:
    """Ids of the users that the text mentions without a name, each once, in order."""
    tags = (parse_tag(match[1]) for match in TAG.finditer(text))
    return list(dict.fromkeys(tag.id for tag in tags if isinstance(tag, UserTag) and tag.label is None))
