"""The cluster and the gateway, as the use cases need them."""
