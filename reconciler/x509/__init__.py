"""What a certificate is: names, keys, profiles, building, reading and verifying. Pure; the lowest layer."""
