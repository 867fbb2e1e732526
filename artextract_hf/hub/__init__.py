"""Stage 7: models, data and cards go to the Hub."""
