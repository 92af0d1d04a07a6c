"""What a server needs around runs. Knows neither gradio nor the page."""
