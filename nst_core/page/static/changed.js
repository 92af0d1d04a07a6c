function onChanged() {
  clearTimeout(window.nstChanged);
  window.nstChanged = setTimeout(() => {
    document.querySelector(".gradio-container #changed")?.click();
    if (document.querySelector(".gradio-container #live input")?.checked)
      document.querySelector(".gradio-container #preview")?.click();
  }, 150);
}
