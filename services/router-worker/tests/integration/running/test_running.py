"""The whole worker beside the sandbox: what happens at ClickUp shows in Slack, and the other way round."""
