function onLoadTouch() {
  const settled = 8; // pixels after which a finger has a direction
  let finger = null;
  // A range takes the place of a finger before the finger has a direction. The page hears of it
  // when the finger has gone to the side or has left; a swipe, which scrolls, brings the value back.
  document.addEventListener(
    "pointerdown",
    (event) => {
      const range =
        event.pointerType === "touch" &&
        event.target.closest?.(".gradio-container .studio input[type=range]");
      if (!range) return;
      finger = { range, value: range.value, x: event.clientX };
    },
    true,
  );
  function settle() {
    const range = finger?.range;
    finger = null;
    if (range) range.dispatchEvent(new Event("input", { bubbles: true }));
  }
  document.addEventListener(
    "pointermove",
    (event) => {
      if (finger && Math.abs(event.clientX - finger.x) > settled) settle();
    },
    true,
  );
  document.addEventListener("pointerup", settle, true);
  document.addEventListener(
    "pointercancel",
    () => {
      if (finger) finger.range.value = finger.value;
      finger = null;
    },
    true,
  );
  for (const kind of ["input", "change"])
    document.addEventListener(
      kind,
      (event) => {
        if (finger?.range === event.target) event.stopImmediatePropagation();
      },
      true,
    );

  // The comparison keeps all touches to itself, to zoom. One finger that goes up or down scrolls
  // the page, unless the picture is zoomed; one that goes to the side moves the divider.
  let touch = null;
  document.addEventListener(
    "touchstart",
    (event) => {
      const place = event.target.closest?.(".gradio-container .studio #compare");
      const zoomed = place?.querySelector('[aria-label="Undo"]:not(:disabled)');
      touch = null;
      if (!place || zoomed || event.touches.length > 1 || event.target.closest("button")) return;
      const [{ clientX, clientY }] = event.touches;
      touch = { x: clientX, y: clientY, vertical: null };
      if (!event.target.closest('[data-testid="slider"]')) event.stopPropagation();
    },
    true,
  );
  document.addEventListener(
    "touchmove",
    (event) => {
      // The first move of a finger that stops a rolling page can't be cancelled. The divider would
      // try to, which browsers write into the console; it follows the next move.
      if (!event.cancelable && event.target.closest?.(".gradio-container .studio #compare"))
        event.stopPropagation();
      if (!touch) return;
      if (touch.vertical === null) {
        const [{ clientX, clientY }] = event.touches;
        touch.vertical = Math.abs(clientY - touch.y) >= Math.abs(clientX - touch.x);
      }
      if (touch.vertical) event.stopPropagation();
    },
    true,
  );
}
