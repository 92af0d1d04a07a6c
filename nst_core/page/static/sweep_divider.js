function onRunEnded() {
  const compare = document.querySelector(".studio #compare");
  const [picture, handle] = ["img.fixed", '[data-testid="slider"]'].map((x) =>
    compare?.querySelector(x),
  );
  const made = /^(Finished|Stopped at step)/.test(
    document.querySelector(".studio #result .status")?.innerText.trim() ?? "",
  );
  if (!made || !picture || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const timing = { duration: 2200, easing: "ease-in-out" };
  picture.animate(
    [
      { clipPath: "inset(0 0 0 100%)" },
      { clipPath: "inset(0 0 0 0)", offset: 0.7 },
      { clipPath: picture.style.clipPath },
    ],
    timing,
  );
  handle?.animate(
    [
      { transform: `translateX(${picture.clientWidth}px)` },
      { transform: "translateX(0)", offset: 0.7 },
      { transform: handle.style.transform },
    ],
    timing,
  );
}
