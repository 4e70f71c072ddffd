"""What the charts' Jobs do in a cluster: make secrets, prepare the database, connect the sandbox."""
