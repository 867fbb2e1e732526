"""How a trained network is loaded and run: by name, in transformers' pipeline, by OpenVINO, in micro-batches."""
