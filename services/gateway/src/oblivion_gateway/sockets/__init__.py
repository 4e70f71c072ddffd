"""Socket.IO edges: wire, contract, use case, acknowledgement."""
