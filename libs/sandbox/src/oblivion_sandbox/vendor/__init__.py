"""What the stand-ins of Notion, Linear, Jira and Google Calendar share: account, documents, wire."""
