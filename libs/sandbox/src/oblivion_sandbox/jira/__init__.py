"""The Jira stand-in: one site with two projects, behind the Cloud REST API v3."""
