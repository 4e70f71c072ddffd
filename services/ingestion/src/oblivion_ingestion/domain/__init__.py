"""Pure: what a delivery says of itself, how it is proven, and which event it is."""
