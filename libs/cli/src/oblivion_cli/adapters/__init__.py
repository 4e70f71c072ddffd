"""The outside world: Slack's and ClickUp's APIs."""
