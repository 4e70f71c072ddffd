"""What a page of the observer's may load and do."""


def content_policy(*, base_uri: str) -> str:
    """The Content-Security-Policy; `base_uri` says which `<base>` a page may have."""
    return "; ".join(
        [
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "object-src 'none'",
            f"base-uri {base_uri}",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )
