function onChanged() {
  clearTimeout(window.nstChanged);
  window.nstChanged = setTimeout(() => document.querySelector("#changed")?.click(), 150);
}
