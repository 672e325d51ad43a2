"""What an installation is: settings, keys, tokens."""
