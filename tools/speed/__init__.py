"""`make speed`: what the gateway costs here, against the same upstream without it and, where installed, nginx."""
