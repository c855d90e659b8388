"""Login: cred, passwords, hashes and the throttle."""
