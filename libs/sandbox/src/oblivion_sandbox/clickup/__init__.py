"""The ClickUp stand-in: API v2, webhooks, a page to work in, and its controls."""
