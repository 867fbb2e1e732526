"""Stage 6: models, data and cards go to the Hub."""
