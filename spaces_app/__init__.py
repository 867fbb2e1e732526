"""Stage 8: the Gradio Space, one file a tab."""
