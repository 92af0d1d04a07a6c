function onKeepFocus() {
  // Stylize, Cancel and Stop replace each other. Who has pressed one by keyboard is then nowhere on
  // the page, and the next key scrolls it: the focus goes on to the button that has come.
  const buttons = document.querySelector(".gradio-container .studio #buttons");
  let within = false;
  const follow = (event) => {
    within = buttons.contains(event.target);
  };
  document.addEventListener("focusin", follow);
  document.addEventListener("pointerdown", follow);
  buttons.addEventListener("keydown", (event) => {
    // A key that is held down would press the next button, too.
    if (event.repeat && event.key === "Enter") event.preventDefault();
  });
  new MutationObserver(() => {
    if (within && document.activeElement === document.body)
      buttons.querySelector("button")?.focus({ preventScroll: true });
  }).observe(buttons, { childList: true, subtree: true, attributes: true });
}
