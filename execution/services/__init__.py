"""The loops of the long-running processes; never pairs ports with adapters itself."""
