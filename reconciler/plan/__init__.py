"""The difference between desired and observed, as findings, actions and one plan document. Pure."""
