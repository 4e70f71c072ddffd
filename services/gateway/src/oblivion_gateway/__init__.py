"""Sign-in, REST, event streams, and the sockets of the agents."""
