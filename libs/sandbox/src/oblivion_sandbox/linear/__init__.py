"""The Linear stand-in: one workspace with two teams, behind a real GraphQL schema."""
