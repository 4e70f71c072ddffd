"""The Slack stand-in: Web API, Events API, Socket Mode, a page to type in, and its controls."""
