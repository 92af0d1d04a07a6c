function onChanged() {
  clearTimeout(window.nstChanged);
  window.nstChanged = setTimeout(() => {
    document.querySelector("#changed")?.click();
    if (document.querySelector("#live input")?.checked) document.querySelector("#preview")?.click();
  }, 150);
}
