function onDoublePress() {
  // Buttons that start and end work take each other's place. The second press of a double click
  // would find Cancel where the first found Stylize, and end the run that it has begun.
  const together = 700; // milliseconds
  let last = {};
  document.addEventListener(
    "click",
    (event) => {
      const button = event.target.closest?.(".gradio-container .start-stop");
      if (!button) return;
      const press = { button, place: button.parentElement, time: event.timeStamp };
      const another = press.button !== last.button && press.place === last.place;
      if (another && press.time - last.time < together) event.stopImmediatePropagation();
      else last = press;
    },
    true,
  );
}
