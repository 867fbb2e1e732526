"""Stage 7: the Gradio Space, one file a tab."""
