"""How a trained network is run: transformers' pipeline, OpenVINO, batches in pieces."""
