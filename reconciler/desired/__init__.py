"""What git says: YAML to a validated, fully expanded desired state. Pure."""
