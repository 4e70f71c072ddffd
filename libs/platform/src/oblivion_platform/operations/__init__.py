"""What admins do to a tenant's work, by REST and by the command line: the same rows, the same audit log."""
