FROM python:3.12-slim

# The address of another index of packages, such as one with torch for the CPU alone.
ARG PIP_EXTRA_INDEX_URL

# The app runs as user 1000, as on a Space. It writes to /tmp (pictures, for an hour) and to ~/.cache
# (downloaded weights) alone, so all other files belong to root and may be read-only.
RUN useradd --create-home --uid 1000 user && install --directory --owner=user /home/user/.cache
WORKDIR /home/user/app

COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

COPY . .
USER 1000

ENV HOME=/home/user \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    GRADIO_TEMP_DIR=/tmp/gradio \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
EXPOSE 7860
HEALTHCHECK --start-period=60s --interval=30s --timeout=5s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/health', timeout=4)"]

CMD ["python", "app.py"]
