"""HTTP edges: wire, contract, use case, wire."""
