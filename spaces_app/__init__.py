"""Stage 8: the Gradio Space. `tabs` holds a file for each tab, `assets` what the browser is given."""
