"""Components whose CA is outside: how far their requests are, whether what came back may be used, and what there is to tell."""
