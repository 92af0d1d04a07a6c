"""The page: the only room that knows gradio."""
