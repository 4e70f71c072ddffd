"""What the admin verbs do: one tenant transaction each, with its line in the audit log."""
