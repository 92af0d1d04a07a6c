function onDoublePress() {
  // Buttons that start and end work take each other's place. The second press of a double click
  // would find Cancel where the first found Stylize, and end the run that it has begun.
  const together = 700; // milliseconds
  let last = null;
  document.addEventListener(
    "click",
    (event) => {
      const button = event.target.closest?.(".gradio-container .start-stop");
      if (!button) return;
      const { place, time } = last ?? {};
      if (
        button !== last?.button &&
        button.parentElement === place &&
        event.timeStamp - time < together
      )
        event.stopImmediatePropagation();
      else last = { button, place: button.parentElement, time: event.timeStamp };
    },
    true,
  );
}
