"""What a user may ask of a scan: which sites, what can be told, which measurement."""
