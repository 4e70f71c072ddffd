"""The Notion stand-in: one workspace with a few pages and a data source of tasks, behind the REST API."""
